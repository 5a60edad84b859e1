import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ensureAccounts, signIn } from './accounts.ts';
import type { Answer, Client } from './client.ts';

const folder = mkdtempSync(join(tmpdir(), 'accounts-'));
afterAll(() => rmSync(folder, { recursive: true }));
const users = join(folder, 'users.json');
writeFileSync(users, JSON.stringify([{ email: 'admin@x.test', password: 'p', role: 'admin' }]));

/** A service that answers a path with these statuses in turn, the last one for ever. */
function service(logins: readonly number[], created: readonly number[] = [201]) {
  const asked = { logins: 0, created: 0 };
  const client: Client = async (_method, url): Promise<Answer> => {
    const isLogin = url.endsWith('/login');
    const [statuses, n] = isLogin ? [logins, asked.logins++] : [created, asked.created++];
    const status = statuses[Math.min(n, statuses.length - 1)] ?? 500;
    return { status, headers: { 'retry-after': '0' }, text: '', json: () => ({ accessToken: 'token' }) };
  };
  return { client, asked };
}

test('accounts are made once, and kept for the next run', async () => {
  const file = join(folder, 'kept', 'accounts.json');
  const { client, asked } = service([200]);
  await ensureAccounts(client, users, file, 3);
  await ensureAccounts(client, users, file, 3);
  expect(asked.created).toBe(3);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveLength(3);
});

test('a service that forgot them gets new ones', async () => {
  const file = join(folder, 'stale.json');
  writeFileSync(file, JSON.stringify([{ email: 'old@x.test', password: 'p' }]));
  const { client } = service([401, 200]);
  await ensureAccounts(client, users, file, 1);
  expect(readFileSync(file, 'utf8')).not.toContain('old@x.test');
});

test('a limit, and a limiter without Redis, are waited out, but not for ever', async () => {
  const account = { email: 'a@x.test', password: 'p' };
  expect(await signIn(service([429, 503, 200]).client, account)).toBe('token');
  const away = service([503]);
  await expect(signIn(away.client, account)).rejects.toThrow('login of a@x.test answered 503');
  expect(away.asked.logins).toBeLessThan(10);
});

test('who is not let in, and what is not created, is named', async () => {
  const account = { email: 'a@x.test', password: 'p' };
  await expect(signIn(service([401]).client, account)).rejects.toThrow('does not let a@x.test in');
  const file = join(folder, 'none.json');
  await expect(ensureAccounts(service([401]).client, users, file, 1)).rejects.toThrow(
    'does not let admin@x.test',
  );
  await expect(ensureAccounts(service([200], [403]).client, users, file, 1)).rejects.toThrow('answered 403');
  writeFileSync(join(folder, 'nobody.json'), '[]');
  await expect(ensureAccounts(service([200]).client, join(folder, 'nobody.json'), file, 1)).rejects.toThrow(
    'no user with the role admin',
  );
});
