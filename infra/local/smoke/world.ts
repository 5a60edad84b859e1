import { readFileSync } from 'node:fs';
import { mainJob } from '../../main-job.ts';
import { type Answer, send } from '../http.ts';
import type { StackFile } from '../stack-file.ts';

/** A user of the local stack. */
export interface Account {
  readonly email: string;
  readonly password: string;
  readonly role: string;
}

/** One step of the smoke: what it shows, and how; it returns what it saw, or throws what did not hold. */
export type SmokeStep = readonly [shows: string, run: () => Promise<string>];

/** A step that did not hold, and what was seen. */
export class Failed extends Error {}

/** @throws Failed unless it holds */
export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Failed(otherwise);
}

/** The stack under smoke, its users, and what they hold. */
export interface World {
  readonly stack: StackFile;
  /** Two caseworkers, and the one whose limit is spent. */
  readonly users: { readonly first: Account; readonly second: Account; readonly limited: Account };
  readonly login: (account: Account) => Promise<Answer>;
  /** Lets a user in, for the requests that follow. */
  readonly enter: (account: Account) => Promise<void>;
  /** A request of a user at the n-th replica, counted round. */
  readonly ask: (who: Account, replica: number, path: string, init?: Init) => Promise<Answer>;
  /** The main job once, over the replicas in turn. */
  readonly work: () => Promise<string>;
}

interface Init {
  readonly method?: string;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** @throws Error when the stack has too few users */
export function worldOf(stack: StackFile): World {
  const accounts = JSON.parse(readFileSync(stack.users, 'utf8')) as Account[];
  const [first, second] = accounts.filter(({ role }) => role === 'caseworker');
  const limited = accounts.find(({ role }) => role === 'reader');
  if (first === undefined || second === undefined || limited === undefined)
    throw new Error(`${stack.users}: needs two caseworkers and a reader`);
  const tokens = new Map<Account, string>();
  const login: World['login'] = ({ email, password }) =>
    call(`${stack.edge}/api/v1/auth/login`, undefined, { method: 'POST', body: { email, password } });
  const ask: World['ask'] = (who, replica, path, init) => {
    const base = stack.replicas[replica % stack.replicas.length] ?? stack.edge;
    return call(`${base}${path}`, tokens.get(who), init);
  };
  let sent = 0;
  return {
    stack,
    users: { first, second, limited },
    login,
    ask,
    enter: async (account) => {
      const answer = await login(account);
      expect(answer.status === 200, `status ${answer.status}: ${answer.text.slice(0, 200)}`);
      tokens.set(account, (JSON.parse(answer.text) as { accessToken: string }).accessToken);
    },
    work: () =>
      mainJob((who, method, path, body, headers) =>
        ask(who === 'owner' ? second : first, sent++, path, { method, body, headers }),
      ),
  };
}

function call(url: string, token: string | undefined, { method = 'GET', body, headers }: Init = {}) {
  return send(url, {
    method,
    headers: {
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
