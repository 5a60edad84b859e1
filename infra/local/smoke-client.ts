import { readFileSync } from 'node:fs';
import { mainJob } from '../main-job.ts';
import type { Account } from './credentials.ts';
import { type Answer, send } from './http.ts';
import type { StackFile } from './stack-file.ts';

/** One step of the smoke test. It returns what it observed, or throws what did not hold. */
export type SmokeStep = readonly [shows: string, run: () => Promise<string>];

/** A step did not hold. The message says what was observed. */
export class Failed extends Error {}

/** @throws Failed unless it holds */
export function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Failed(otherwise);
}

/** The stack under test, with signed-in users. */
export interface SmokeClient {
  readonly stack: StackFile;
  /** Two caseworkers, and the reader whose limit is spent. */
  readonly users: { readonly first: Account; readonly second: Account; readonly limited: Account };
  readonly login: (account: Account) => Promise<Answer>;
  /** Signs a user in for the requests that follow. */
  readonly signIn: (account: Account) => Promise<void>;
  /** Sends a request of a user to the n-th replica, modulo their number. */
  readonly request: (who: Account, replica: number, path: string, init?: Init) => Promise<Answer>;
  /** Does the main job once, over the replicas in turn. */
  readonly doMainJob: () => Promise<string>;
}

interface Init {
  readonly method?: string;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** @throws Error when the stack has too few users */
export function smokeClient(stack: StackFile): SmokeClient {
  const accounts = JSON.parse(readFileSync(stack.users, 'utf8')) as Account[];
  const [first, second] = accounts.filter(({ role }) => role === 'caseworker');
  const limited = accounts.find(({ role }) => role === 'reader');
  if (first === undefined || second === undefined || limited === undefined)
    throw new Error(`${stack.users}: needs two caseworkers and a reader`);
  const tokens = new Map<Account, string>();
  const login: SmokeClient['login'] = ({ email, password }) =>
    call(`${stack.edge}/api/v1/auth/login`, undefined, { method: 'POST', body: { email, password } });
  const request: SmokeClient['request'] = (who, replica, path, init) => {
    const base = stack.replicas[replica % stack.replicas.length] ?? stack.edge;
    return call(`${base}${path}`, tokens.get(who), init);
  };
  let sent = 0;
  return {
    stack,
    users: { first, second, limited },
    login,
    request,
    signIn: async (account) => {
      const answer = await login(account);
      expect(answer.status === 200, `status ${answer.status}: ${answer.text.slice(0, 200)}`);
      tokens.set(account, (JSON.parse(answer.text) as { accessToken: string }).accessToken);
    },
    doMainJob: () =>
      mainJob((who, method, path, body, headers) =>
        request(who === 'owner' ? second : first, sent++, path, { method, body, headers }),
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
