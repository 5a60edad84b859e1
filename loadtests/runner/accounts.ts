import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Policy } from '../../contract/policies.ts';
import { remainingOf } from '../scenarios/headers.ts';
import { loadRole } from '../scenarios/limits.ts';
import type { Account } from '../scenarios/run-file.ts';
import { type Answer, type Client, createClient } from './client.ts';
import type { Target } from './target.ts';

/** A load account, with the id by which it is disabled. */
interface Made extends Account {
  readonly id: string;
}

/**
 * Sees to it that so many load accounts exist, and keeps them in a file of their own for the next run.
 * @param users file with an admin, who creates them
 * @param file where they are kept
 * @param interrupted no account is made after it
 * @throws Error when the service does not let the admin in or create one
 */
export async function ensureAccounts(
  client: Client,
  users: string,
  file: string,
  wanted: number,
  interrupted?: AbortSignal,
): Promise<void> {
  const kept = keptIn(file);
  // A stack started afresh has forgotten them.
  const accounts = kept[0] !== undefined && (await login(client, kept[0])) !== null ? kept : [];
  if (accounts.length >= wanted) return;
  const token = await adminToken(client, users);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const batch = randomBytes(3).toString('hex');
  while (accounts.length < wanted) {
    const account = {
      email: `load-${batch}-${accounts.length}@example.test`,
      password: randomBytes(18).toString('base64url'),
    };
    interrupted?.throwIfAborted();
    accounts.push({ ...account, id: await create(client, token, account) });
    keep(file, accounts);
  }
}

/**
 * Disables the load accounts of a file, which keeps those only that could not be: the next run uses them and tries again.
 * There is no deleting an account.
 * @returns how many are still enabled
 */
export async function disableAccounts(client: Client, users: string, file: string): Promise<number> {
  const left = keptIn(file);
  try {
    const token = left.length === 0 ? '' : await adminToken(client, users);
    for (const { id, email } of [...left]) {
      const url = `/api/v1/users/${id}`;
      const answer = await insisted(() => client('PATCH', url, { token, body: { disabled: true } }));
      if (answer.status !== 200) throw new Error(`disabling ${email} answered ${answer.status}`);
      left.shift();
    }
  } catch (error) {
    console.error(
      `loadtest: ${left.length} load accounts stay enabled: ${(error as Error).message}; the next run with this target ` +
        `disables them, or an admin: ${left.map(({ email }) => email).join(', ')}`,
    );
  }
  if (left.length > 0) keep(file, left);
  else rmSync(file, { force: true });
  return left.length;
}

/** Where the load accounts of a target are kept. */
export function accountsFile(root: string, base: string): string {
  return join(root, '.local', 'loadtest', `accounts-${new URL(base).host.replace(':', '-')}.json`);
}

/**
 * Access tokens of so many load accounts, made where they are missing; more than the address may log in at once are spread
 * over its window.
 */
export async function sessions(root: string, target: Target, wanted: number): Promise<string[]> {
  const base = target.urls[0] as string;
  const client = createClient(base, target.ca);
  const file = accountsFile(root, base);
  await ensureAccounts(client, target.users, file, wanted);
  const accounts = JSON.parse(readFileSync(file, 'utf8')) as Account[];
  const tokens: string[] = [];
  for (const account of accounts.slice(-wanted)) tokens.push(await signIn(client, account));
  return tokens;
}

/** An access token of an account; waits when logins of this address are at their limit. */
export async function signIn(client: Client, account: Account): Promise<string> {
  const token = await login(client, account);
  if (token === null) throw new Error(`the service does not let ${account.email} in`);
  return token;
}

/** Waits that a service which says when to come back is given; Redis may be away, but not for ever. */
const mostWaits = 5;

async function login(client: Client, account: Account): Promise<string | null> {
  const answer = await tryLogin(client, account);
  if (answer.status === 200) return (answer.json() as { accessToken: string }).accessToken;
  if (answer.status === 401) return null;
  throw new Error(`login of ${account.email} answered ${answer.status}`);
}

function tryLogin(client: Client, { email, password }: Account): Promise<Answer> {
  return insisted(() => client('POST', '/api/v1/auth/login', { body: { email, password } }));
}

/**
 * Whether half of a limit is used up that a login counts in, by what came from here before: a test would meet it too soon.
 * @param users file with an admin, who logs in to ask
 */
export async function hasUsedLimits(
  client: Client,
  users: string,
  policies: readonly Policy[],
): Promise<boolean> {
  const { headers } = await tryLogin(client, adminOf(users));
  const told = { RateLimit: [headers.ratelimit].flat().join(', ') };
  return policies.some(({ name, quota }) => (remainingOf(told, name) ?? quota) < quota / 2);
}

/** @throws Error when there is no admin among the users */
function adminOf(users: string): Account {
  const known = JSON.parse(readFileSync(users, 'utf8')) as (Account & { role: string })[];
  const admin = known.find(({ role }) => role === 'admin');
  if (admin === undefined) throw new Error(`${users} has no user with the role admin`);
  return admin;
}

/** @throws Error when there is no admin among the users, or the service does not let it in */
async function adminToken(client: Client, users: string): Promise<string> {
  const admin = adminOf(users);
  const token = await login(client, admin);
  if (token === null) throw new Error(`the service does not let ${admin.email} of ${users} in`);
  return token;
}

function keptIn(file: string): Made[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Made[]) : [];
}

function keep(file: string, accounts: readonly Made[]): void {
  writeFileSync(file, JSON.stringify(accounts), { mode: 0o600 });
}

/** @returns the account's id */
async function create(client: Client, token: string, account: Account): Promise<string> {
  const body = { ...account, role: loadRole };
  const answer = await insisted(() => client('POST', '/api/v1/users', { token, body }));
  if (answer.status !== 201) throw new Error(`creating ${account.email} answered ${answer.status}`);
  return (answer.json() as { id: string }).id;
}

/** Asks again when the answer is a limit (429), or that no limit could be asked (503), after the time that it names. */
async function insisted(ask: () => Promise<Answer>): Promise<Answer> {
  let answer = await ask();
  for (let i = 0; i < mostWaits && (answer.status === 429 || answer.status === 503); i++) {
    await setTimeout(Number(answer.headers['retry-after'] ?? 1) * 1000);
    answer = await ask();
  }
  return answer;
}
