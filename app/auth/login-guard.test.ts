import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, type TestService } from '../../test/support/service.ts';
import { createCsrfToken } from './csrf.ts';

// With the default policies: 10 logins a minute of an account, 30 of an address.

let backing: Backing;
let one: TestService;
let next = 0;

beforeAll(async () => {
  backing = await startBacking();
  one = await backing.start({ TRUSTED_PROXIES: '127.0.0.1/32' });
});
afterAll(() => backing.stop());

/** An address that no other test uses. */
const stranger = () => {
  next += 1;
  return `203.0.113.${next}`;
};
const login = (email: string, password: string, address: string, cookie?: string) =>
  one.send('POST', '/api/v1/auth/login', {
    body: { email, password },
    headers: { 'x-forwarded-for': address, ...(cookie === undefined ? {} : { cookie }) },
  });
const deviceOf = (headers: Readonly<Record<string, unknown>>): string => {
  const cookie = String(headers['set-cookie']);
  expect(cookie).toMatch(
    /^__Host-device=[A-Za-z0-9_-]{22}\.\d{10}\.[A-Za-z0-9_-]{43}; Max-Age=15552000; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
  );
  return cookie.split(';')[0] ?? '';
};

test('wrong passwords from anywhere lock out neither a known device nor a known network', async () => {
  const { email, password } = backing.user('caseworker');
  const home = stranger();
  const device = deviceOf((await login(email, password, home)).headers);
  const guesses: number[] = [];
  for (let i = 0; i < 12; i += 1) guesses.push((await login(email, `guess ${i}`, stranger())).status);
  // The first login came from a stranger too.
  expect(guesses).toEqual([...Array(9).fill(401), 429, 429, 429]);
  // All of these were 429.
  expect((await login(email, password, home)).status).toBe(200);
  const travelling = await login(email, password, stranger(), device);
  expect(travelling.status).toBe(200);
  expect((await login(email, password, stranger(), deviceOf(travelling.headers))).status).toBe(200);
  expect((await login(email, password, stranger())).status).toBe(429);
});

test('a device cookie of another account, a forged or an expired one is no device', async () => {
  const { email } = backing.user('reader');
  const other = backing.user('admin');
  const device = deviceOf((await login(other.email, other.password, stranger())).headers);
  const { csrfKey } = one.service.context.secrets.current;
  const id = 'A'.repeat(22);
  const cookies = [
    device,
    `__Host-device=${id}.9999999999.${createCsrfToken(csrfKey, id).split('.')[1]}`,
    `__Host-device=${id}.1000000000.${'A'.repeat(43)}`,
    `__Host-device=${'x'.repeat(4_000)}`,
  ];
  const statuses: number[] = [];
  for (let i = 0; i < 12; i += 1)
    statuses.push((await login(email, 'wrong', stranger(), cookies[i % cookies.length])).status);
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
});

/** Lets the backoff refuse an address for some seconds, as failures of an hour do. */
async function delay(email: string, address: string, seconds: number): Promise<void> {
  const { account, source } = await one.service.accounts.guard.prepare(email, address);
  const until = Math.floor(Date.now() / 1_000) + seconds;
  await one.service.context.data.hset(`cs:v1:{login:${account}}:${source}`, 'fails', 20, 'until', until);
}

test('a try that the backoff refuses spends no quota, and is told the longest wait', async () => {
  const { email, password } = backing.user('reader', 0);
  const body = { email: 'another@example.com', password: 'a long enough passphrase', role: 'reader' };
  const { accessToken: token } = (
    await login(backing.user('admin').email, backing.user('admin').password, stranger())
  ).json;
  await one.send('POST', '/api/v1/users', { token, body });
  const guesser = stranger();
  await delay(body.email, guesser, 500);
  for (let i = 0; i < 12; i += 1) {
    const refused = await login(body.email, 'wrong', guesser);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(400);
  }
  // The quota of ten was spent.
  expect((await login(body.email, body.password, stranger())).status).toBe(200);
  // The window of this account is full since the test before: it is longer than a backoff of three seconds.
  await delay(email, guesser, 3);
  const full = await login(email, password, guesser);
  expect(full.status).toBe(429);
  expect(Number(full.headers['retry-after'])).toBeGreaterThan(3);
});

test('parallel guesses of one source do not pass the backoff together', async () => {
  const generous = await backing.start({ POLICIES_FILE: `${backing.dir}/policies.json` });
  const body = { email: 'nobody@example.com', password: 'wrong' };
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => generous.send('POST', '/api/v1/auth/login', { body })),
  );
  const statuses = answers.map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([401, 429]));
});

test('a login name of combining marks, or longer than an address can be, is refused before it is used', async () => {
  for (const email of [`e${'\u0301\u0327'.repeat(900)}@example.com`, `${'a'.repeat(3_800)}@example.com`])
    expect((await login(email, 'x', stranger())).status).toBe(400);
});

test('networks of an account are bounded in number and life', async () => {
  const { email, password } = backing.user('caseworker', 1);
  const { data } = one.service.context;
  const { guard } = one.service.accounts;
  expect((await login(email, password, stranger())).status).toBe(200);
  for (let i = 0; i < 17; i += 1) await guard.succeed(await guard.prepare(email, stranger()));
  const { account } = await guard.prepare(email, stranger());
  expect(await data.zcard(`cs:v1:{login:${account}}:networks`)).toBe(16);
  expect(await data.ttl(`cs:v1:{login:${account}}:networks`)).toBeGreaterThan(15_000_000);
});
