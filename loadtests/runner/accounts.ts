import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { loadRole } from '../scenarios/limits.ts';
import type { Account } from '../scenarios/run-file.ts';
import { type Answer, type Client, createClient } from './client.ts';
import type { Target } from './target.ts';

/**
 * Sees to it that so many load accounts exist, and keeps them in a file of their own for the next run.
 * @param users file with an admin, who creates them
 * @param file where they are kept
 * @throws Error when the service does not let the admin in or create one
 */
export async function ensureAccounts(
  client: Client,
  users: string,
  file: string,
  wanted: number,
): Promise<void> {
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Account[]) : [];
  // A stack started afresh has forgotten them.
  const accounts = kept[0] !== undefined && (await login(client, kept[0])) !== null ? kept : [];
  if (accounts.length >= wanted) return;
  const known = JSON.parse(readFileSync(users, 'utf8')) as (Account & { role: string })[];
  const admin = known.find(({ role }) => role === 'admin');
  if (admin === undefined) throw new Error(`${users} has no user with the role admin`);
  const token = await login(client, admin);
  if (token === null) throw new Error(`the service does not let ${admin.email} of ${users} in`);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const batch = randomBytes(3).toString('hex');
  while (accounts.length < wanted) {
    const account = {
      email: `load-${batch}-${accounts.length}@example.test`,
      password: randomBytes(18).toString('base64url'),
    };
    await create(client, token, account);
    accounts.push(account);
    writeFileSync(file, JSON.stringify(accounts), { mode: 0o600 });
  }
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

async function login(client: Client, { email, password }: Account): Promise<string | null> {
  const answer = await insisted(() => client('POST', '/api/v1/auth/login', { body: { email, password } }));
  if (answer.status === 200) return (answer.json() as { accessToken: string }).accessToken;
  if (answer.status === 401) return null;
  throw new Error(`login of ${email} answered ${answer.status}`);
}

async function create(client: Client, token: string, account: Account): Promise<void> {
  const body = { ...account, role: loadRole };
  const answer = await insisted(() => client('POST', '/api/v1/users', { token, body }));
  if (answer.status !== 201) throw new Error(`creating ${account.email} answered ${answer.status}`);
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
