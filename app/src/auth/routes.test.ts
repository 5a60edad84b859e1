import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Backing,
  startBacking,
  type TestAnswer,
  type TestService,
  type TestUser,
} from '../../test/service.ts';
import { createCsrfToken } from './csrf.ts';
import { sessionOf } from './sessions.ts';

const ours = 'https://app.example';
let backing: Backing;
/** Two replicas on one Redis: what one revokes the other must refuse. */
let one: TestService;
let two: TestService;

beforeAll(async () => {
  backing = await startBacking();
  const overrides = { POLICIES_FILE: `${backing.dir}/policies.json`, ALLOWED_ORIGINS: ours };
  one = await backing.start(overrides);
  two = await backing.start(overrides);
});
afterAll(() => backing.stop());

function user(role: TestUser['role']): TestUser {
  const found = backing.users.find((candidate) => candidate.role === role);
  if (!found) throw new Error(`no ${role}`);
  return found;
}

const refresh = (service: TestService, refreshToken: string): Promise<TestAnswer> =>
  service.send('POST', '/api/v1/auth/refresh', { body: { refreshToken } });
const me = (service: TestService, token: string): Promise<TestAnswer> =>
  service.send('GET', '/api/v1/auth/me', { token });
const tryLogin = (email: string, password: string): Promise<TestAnswer> =>
  one.send('POST', '/api/v1/auth/login', { body: { email, password } });

/** Lets a session's last rotation lie further back than the grace window. */
async function letGracePass(refreshToken: string): Promise<void> {
  const { data } = one.service.context;
  await data.hincrby(`cs:v1:{session:${sessionOf(refreshToken)}}`, 'rotatedAt', -11);
}

describe('login', () => {
  test('answers as the contract says, whatever the case of the address', async () => {
    const { email, password } = user('reader');
    const answer = await tryLogin(email.toUpperCase(), password);
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json).sort()).toEqual([
      'accessToken',
      'expiresIn',
      'refreshToken',
      'tokenType',
    ]);
    expect(answer.json).toMatchObject({ tokenType: 'Bearer', expiresIn: 600 });
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect((await me(two, answer.json.accessToken)).json).toMatchObject({ email, role: 'reader' });
  });

  test('a wrong password, an unknown account and a disabled one bring the same answer', async () => {
    const admin = await one.login(user('admin'));
    const gone = { email: 'gone@example.com', password: 'a long enough passphrase', role: 'reader' as const };
    const { json } = await admin.send('POST', '/api/v1/users', { body: gone });
    await admin.send('PATCH', `/api/v1/users/${json.id}`, { body: { disabled: true } });
    const answers = await Promise.all([
      tryLogin(user('reader').email, 'wrong'),
      tryLogin('nobody@example.com', 'wrong'),
      tryLogin(gone.email, gone.password),
    ]);
    const shapes = answers.map(({ status, headers, json: { instance, ...body } }) => {
      const { date, 'x-request-id': id, ...others } = headers;
      const names = Object.keys(others).sort();
      expect(id).toBe(instance);
      expect(date).toBeDefined();
      return { status, body, names };
    });
    expect(shapes[0]).toMatchObject({ status: 401, body: { detail: 'Wrong e-mail address or password' } });
    expect(shapes[1]).toEqual(shapes[0]);
    expect(shapes[2]).toEqual(shapes[0]);
  });

  test('passwords may be long and of any script; beyond 256 bytes they are refused unhashed', async () => {
    const admin = await one.login(user('admin'));
    const password = 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich 𓀀𓀁𓀂';
    const body = { email: 'unicode@example.com', password, role: 'reader' };
    expect((await admin.send('POST', '/api/v1/users', { body })).status).toBe(201);
    expect((await tryLogin(body.email, password)).status).toBe(200);
    expect((await tryLogin(body.email, `${password}!`)).status).toBe(401);
    expect((await tryLogin(body.email, '界'.repeat(90))).status).toBe(400);
  });

  test('the time of a refusal does not tell whether the account exists', async () => {
    // Every try from another address, or the delay of a pair would answer first.
    const edge = await backing.start({
      POLICIES_FILE: `${backing.dir}/policies.json`,
      TRUSTED_PROXIES: '127.0.0.1/32',
    });
    let tries = 0;
    const time = async (email: string) => {
      tries += 1;
      const began = performance.now();
      const answer = await edge.send('POST', '/api/v1/auth/login', {
        body: { email, password: 'not the password' },
        headers: { 'x-forwarded-for': `198.51.${tries >> 8}.${tries & 255}` },
      });
      const took = performance.now() - began;
      expect(answer.status).toBe(401);
      return took;
    };
    const known: number[] = [];
    const unknown: number[] = [];
    for (let i = 0; i < 200; i += 1) {
      known.push(await time(user('reader').email));
      unknown.push(await time('nobody@example.com'));
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
    expect(Math.abs(median(known) / median(unknown) - 1)).toBeLessThan(0.1);
  });

  test('a flood of logins is refused beyond the queue, and other routes go on', async () => {
    const victim = await one.login(user('caseworker'));
    const flood = Promise.all(
      Array.from({ length: 200 }, (_, i) => tryLogin(`flood-${i}@example.com`, 'not the password')),
    );
    const during: number[] = [];
    for (let i = 0; i < 20; i += 1) during.push((await me(one, victim.accessToken)).status);
    const answers = await flood;
    const refused = answers.filter(({ status }) => status === 503);
    expect(new Set(during)).toEqual(new Set([200]));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 503]));
    expect(new Set(refused.map(({ headers }) => headers['retry-after']))).toEqual(new Set(['1']));
    expect(await one.metric('auth_login_total', { result: 'overloaded' })).toBe(refused.length);
    expect(await one.metric('password_hash_queue_depth')).toBe(0);
  });

  test('guessing from one place waits longer and longer; the owner elsewhere does not', async () => {
    const guessed = user('caseworker');
    const edge = await backing.start({
      POLICIES_FILE: `${backing.dir}/policies.json`,
      TRUSTED_PROXIES: '127.0.0.1/32',
    });
    const from = (address: string, password: string) =>
      edge.send('POST', '/api/v1/auth/login', {
        body: { email: guessed.email, password },
        headers: { 'x-forwarded-for': address },
      });
    for (let i = 0; i < 11; i += 1) expect((await from('203.0.113.5', 'wrong')).status).toBe(401);
    const refused = await from('203.0.113.5', guessed.password);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await from('203.0.113.6', guessed.password)).status).toBe(200);
    expect(await edge.metric('auth_login_total', { result: 'throttled' })).toBe(1);
    expect(edge.logs.filter(({ event }) => event === 'login_delayed')).toHaveLength(1);
  });
});

describe('refresh', () => {
  test('gives new tokens once; the old refresh token gives the same ones within the grace window', async () => {
    const { refreshToken } = await one.login(user('reader'));
    const first = await refresh(one, refreshToken);
    expect(first.status).toBe(200);
    expect(first.json.refreshToken).not.toBe(refreshToken);
    const again = await refresh(two, refreshToken);
    expect(again.json.refreshToken).toBe(first.json.refreshToken);
    expect((await me(two, again.json.accessToken)).status).toBe(200);
    expect(await two.metric('auth_refresh_total', { outcome: 'replayed' })).toBe(1);
  });

  test('fifty at once give one successor, and nobody is signed out', async () => {
    const { refreshToken } = await one.login(user('reader'));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => refresh(i % 2 ? one : two, refreshToken)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const successors = new Set(answers.map(({ json }) => json.refreshToken));
    expect(successors.size).toBe(1);
    const [successor] = successors;
    expect((await refresh(one, successor)).status).toBe(200);
  });

  test('a token used again later ends the session everywhere, with an event and a metric', async () => {
    const session = await one.login(user('reader'));
    const next = await refresh(one, session.refreshToken);
    await letGracePass(session.refreshToken);
    const before = await two.metric('auth_refresh_total', { outcome: 'reuse' });
    expect((await refresh(two, session.refreshToken)).status).toBe(401);
    expect(await two.metric('auth_refresh_total', { outcome: 'reuse' })).toBe(before + 1);
    expect(two.logs.filter(({ event }) => event === 'refresh_reused')).toHaveLength(1);
    expect((await refresh(one, next.json.refreshToken)).status).toBe(401);
    expect((await me(one, next.json.accessToken)).status).toBe(401);
    expect((await me(one, session.accessToken)).status).toBe(401);
  });

  test.each([
    'x',
    `rt1.${'A'.repeat(22)}.${'A'.repeat(43)}`,
    `rt2.${'A'.repeat(22)}.${'A'.repeat(43)}`,
    '../../etc/passwd',
    'eyJhbGciOiJub25lIn0.e30.',
  ])('%s is no refresh token', async (token) => {
    const answer = await refresh(one, token);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toContain('invalid_token');
  });

  test("another session's name on a token is not enough", async () => {
    const { refreshToken, accessToken } = await one.login(user('reader'));
    const forged = `rt1.${sessionOf(refreshToken)}.${randomBytes(32).toString('base64url')}`;
    expect((await refresh(one, forged)).status).toBe(401);
    // Somebody knew the session's id: it is ended rather than guessed about.
    expect((await me(one, accessToken)).status).toBe(401);
  });

  test('is refused for an account that was disabled meanwhile', async () => {
    const admin = await one.login(user('admin'));
    const body = { email: 'soon@example.com', password: 'a long enough passphrase', role: 'reader' as const };
    const { json } = await admin.send('POST', '/api/v1/users', { body });
    const session = await one.login(body);
    await admin.send('PATCH', `/api/v1/users/${json.id}`, { body: { disabled: true } });
    expect((await refresh(two, session.refreshToken)).status).toBe(401);
  });

  test('tokens are at rest as hashes only', async () => {
    const session = await one.login(user('reader'));
    const next = await refresh(one, session.refreshToken);
    const stored = await one.service.context.data.hgetall(
      `cs:v1:{session:${sessionOf(session.refreshToken)}}`,
    );
    const dump = JSON.stringify(stored);
    for (const token of [session.refreshToken, next.json.refreshToken]) {
      expect(dump).not.toContain(token.split('.')[2]);
    }
    expect(
      await one.service.context.data.ttl(`cs:v1:{session:${sessionOf(session.refreshToken)}}`),
    ).toBeGreaterThan(0);
  });
});

describe('refresh by cookie', () => {
  const signIn = async () => {
    const { email, password } = user('caseworker');
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
});

test('logout ends the session on every replica with the next request', async () => {
  const session = await one.login(user('reader'));
  const other = await one.login(user('reader'));
  const wrong = await session.send('POST', '/api/v1/auth/logout', {
    body: { refreshToken: other.refreshToken },
  });
  expect(wrong.status).toBe(400);
  const out = await session.send('POST', '/api/v1/auth/logout', {
    body: { refreshToken: session.refreshToken },
  });
  expect(out.status).toBe(204);
  expect((await me(two, session.accessToken)).status).toBe(401);
  expect((await refresh(two, session.refreshToken)).status).toBe(401);
  expect((await me(two, other.accessToken)).status).toBe(200);
  expect(await two.metric('auth_token_rejected_total', { reason: 'revoked' })).toBeGreaterThan(0);
});

test('the published keys verify and hold nothing private', async () => {
  const { json } = await one.send('GET', '/.well-known/jwks.json');
  expect(json.keys).toHaveLength(1);
  expect(Object.keys(json.keys[0]).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
});

test('without Redis nobody comes in, and nobody hangs', async () => {
  const alone = await startBacking();
  const service = await alone.start();
  const [first] = alone.users;
  if (!first) throw new Error('no user');
  const session = await service.login(first);
  alone.redis.signal('SIGKILL');
  const answer = await session.send('GET', '/api/v1/auth/me');
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBe('1');
  const login = await service.send('POST', '/api/v1/auth/login', {
    body: { email: 'a@example.com', password: 'x' },
  });
  expect(login.status).toBe(503);
  expect((await service.send('GET', '/health/ready', { to: 'internal' })).status).toBe(200);
  expect(await service.metric('redis_up', { store: 'data' })).toBe(0);
  await alone.stop();
});

test('Redis lets the two roles touch nothing but their own keys', async () => {
  const { data } = one.service.context;
  await expect(data.set('rl:v1:x', 1)).rejects.toThrow('NOPERM');
  expect(data).toBeInstanceOf(Redis);
});
