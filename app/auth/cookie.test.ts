import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, type TestAnswer, type TestService } from '../../test/support/service.ts';
import { createCsrfToken } from './csrf.ts';

const ours = 'https://app.example';
let backing: Backing;
let one: TestService;

beforeAll(async () => {
  backing = await startBacking();
  one = await backing.start({ POLICIES_FILE: `${backing.dir}/policies.json`, ALLOWED_ORIGINS: ours });
});
afterAll(() => backing.stop());

const me = (service: TestService, token: string): Promise<TestAnswer> =>
  service.send('GET', '/api/v1/auth/me', { token });

const signIn = async () => {
  const { email, password } = backing.user('caseworker');
  const body = { email, password, refreshIn: 'cookie' };
  const answer = await one.send('POST', '/api/v1/auth/login', { body });
  const cookie = String(answer.headers['set-cookie']);
  return { answer, cookie, pair: cookie.split(';')[0] ?? '', csrf: answer.json.csrfToken as string };
};
const send = (headers: Record<string, string>) => one.send('POST', '/api/v1/auth/refresh', { headers });

test('the cookie is out of reach of scripts, subdomains and other sites', async () => {
  const { answer, cookie } = await signIn();
  expect(answer.json).not.toHaveProperty('refreshToken');
  expect(cookie).toMatch(/^__Host-refresh=rt1\./);
  for (const attribute of ['Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict', 'Max-Age=']) {
    expect(cookie).toContain(attribute);
  }
  expect(cookie).not.toContain('Domain');
});

test('works from our own page and from an allowed origin, and rotates the cookie', async () => {
  const { pair, csrf } = await signIn();
  const host = `127.0.0.1:${one.ports.api}`;
  const own = await send({
    cookie: pair,
    'x-csrf-token': csrf,
    origin: `https://${host}`,
    'sec-fetch-site': 'same-origin',
  });
  expect(own.status).toBe(200);
  const next = String(own.headers['set-cookie']).split(';')[0] ?? '';
  expect(next).not.toBe(pair);
  const allowed = await send({
    cookie: `other=1; ${next}`,
    'x-csrf-token': own.json.csrfToken,
    origin: ours,
    'sec-fetch-site': 'same-site',
  });
  expect(allowed.status).toBe(200);
});

const self = { 'sec-fetch-site': 'same-origin' };
test.each<[string, (csrf: string, key: Buffer) => Record<string, string>]>([
  ['without a CSRF token', () => self],
  ['with an empty one', () => ({ ...self, 'x-csrf-token': '' })],
  ['with a made-up one', () => ({ ...self, 'x-csrf-token': 'AAAA.AAAA' })],
  [
    "with another session's",
    (_csrf, key) => ({ ...self, 'x-csrf-token': createCsrfToken(key, 'A'.repeat(22)) }),
  ],
  [
    'from another site',
    (csrf) => ({ 'x-csrf-token': csrf, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }),
  ],
  ['from a sibling', (csrf) => ({ 'x-csrf-token': csrf, 'sec-fetch-site': 'same-site' })],
  [
    'from another origin, by an old browser',
    (csrf) => ({ 'x-csrf-token': csrf, origin: 'https://evil.example' }),
  ],
  ['from a sandboxed frame', (csrf) => ({ 'x-csrf-token': csrf, origin: 'null', ...self })],
  ['by a browser that says nothing', (csrf) => ({ 'x-csrf-token': csrf })],
])('is refused %s, and the session goes on', async (_name, headers) => {
  const { answer, pair, csrf } = await signIn();
  const { csrfKey } = one.service.context.secrets.current;
  const refused = await send({ cookie: pair, ...headers(csrf, csrfKey) });
  expect(refused.status).toBe(403);
  expect(refused.headers).not.toHaveProperty('set-cookie');
  expect((await me(one, answer.json.accessToken)).status).toBe(200);
});

test('without a cookie there is nothing to refresh', async () => {
  expect((await send(self)).status).toBe(401);
});

test('no other route reads it', async () => {
  const { pair } = await signIn();
  const answer = await one.send('GET', '/api/v1/auth/me', { headers: { cookie: pair } });
  expect(answer.status).toBe(401);
});

test('logout takes it back', async () => {
  const { answer } = await signIn();
  const out = await one.send('POST', '/api/v1/auth/logout', { token: answer.json.accessToken });
  expect(out.status).toBe(204);
  expect(out.headers['set-cookie']).toContain('__Host-refresh=; Max-Age=0');
});
