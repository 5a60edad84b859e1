import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { disableAccounts, ensureAccounts, hasUsedLimits, signIn } from './accounts.ts';
import type { Answer, Client } from './client.ts';

const folder = mkdtempSync(join(tmpdir(), 'accounts-'));
afterAll(() => rmSync(folder, { recursive: true }));
const users = join(folder, 'users.json');
writeFileSync(users, JSON.stringify([{ email: 'admin@x.test', password: 'p', role: 'admin' }]));

/** A service that answers a path with these statuses in turn, the last one for ever. */
function service(
  logins: readonly number[],
  created: readonly number[] = [201],
  changed: readonly number[] = [200],
) {
  const asked = { logins: 0, created: 0, changed: 0, disabled: [] as string[] };
  const client: Client = async (method, url, options): Promise<Answer> => {
    const [statuses, n] = url.endsWith('/login')
      ? [logins, asked.logins++]
      : method === 'POST'
        ? [created, asked.created++]
        : [changed, asked.changed++];
    const status = statuses[Math.min(n, statuses.length - 1)] ?? 500;
    if (method === 'PATCH' && status === 200)
      asked.disabled.push(`${url} ${JSON.stringify(options?.body)} ${options?.token}`);
    const body = { accessToken: 'token', id: `id-${asked.created}` };
    return { status, headers: { 'retry-after': '0' }, text: '', json: () => body };
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

test.each([
  ['nobody has logged in', '"login";r=9;t=60, "login-address";r=29;t=60', false],
  ['half of the account is left', '"login";r=5;t=60, "login-address";r=29;t=60', false],
  ['less than half of the address is left', '"login";r=9;t=60, "login-address";r=14;t=60', true],
  ['the service tells nothing', undefined, false],
])('whether limits were used before: %s', async (_, ratelimit, used) => {
  const { client } = service([200]);
  const telling: Client = async (...args) => {
    const answer = await client(...args);
    return { ...answer, headers: { ...answer.headers, ratelimit } };
  };
  expect(await hasUsedLimits(telling, users, defaultPolicies)).toBe(used);
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

test('all are disabled by the admin, and forgotten', async () => {
  const file = join(folder, 'lent.json');
  const { client, asked } = service([200], [201], [429, 200]);
  await ensureAccounts(client, users, file, 2);
  expect(await disableAccounts(client, users, file)).toBe(0);
  expect(asked.disabled).toEqual([1, 2].map((n) => `/api/v1/users/id-${n} {"disabled":true} token`));
  expect(existsSync(file)).toBe(false);
  expect(await disableAccounts(service([500]).client, users, file)).toBe(0);
});

test('an interruption makes no more, and what was made is known', async () => {
  const file = join(folder, 'interrupted.json');
  const interrupted = new AbortController();
  const { client, asked } = service([200]);
  const interrupting: Client = (method, url, options) => {
    if (url === '/api/v1/users') interrupted.abort(new Error('interrupted'));
    return client(method, url, options);
  };
  const making = ensureAccounts(interrupting, users, file, 3, interrupted.signal);
  await expect(making).rejects.toThrow('interrupted');
  expect(await disableAccounts(client, users, file)).toBe(0);
  expect(asked).toMatchObject({ created: 1, disabled: [expect.stringContaining('id-1')] });
});

test('those that could not be disabled are named, and kept for the next time', async () => {
  const file = join(folder, 'left.json');
  const said = vi.spyOn(console, 'error').mockImplementation(() => {});
  const { client } = service([200], [201], [200, 500]);
  await ensureAccounts(client, users, file, 3);
  expect(await disableAccounts(client, users, file)).toBe(2);
  expect(said.mock.lastCall?.[0]).toMatch(
    /2 load accounts stay enabled: disabling load-.*-1@.* answered 500/,
  );
  expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveLength(2);
  expect(await disableAccounts(service([401]).client, users, file)).toBe(2);
  expect(said.mock.lastCall?.[0]).toContain('does not let admin@x.test');
  said.mockRestore();
});
