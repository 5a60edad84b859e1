import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Backing,
  operator,
  startBacking,
  type TestAnswer,
  type TestService,
  type TestSession,
  until,
} from '../../test/support/service.ts';
import { scanKeys } from '../redis/client.ts';

let backing: Backing;
let one: TestService;
let two: TestService;

beforeAll(async () => {
  backing = await startBacking();
  [one, two] = await backing.startPair();
});
afterAll(() => backing.stop());

const me = (service: TestService, token: string): Promise<TestAnswer> =>
  service.send('GET', '/api/v1/auth/me', { token });
const refresh = (service: TestService, refreshToken: string): Promise<TestAnswer> =>
  service.send('POST', '/api/v1/auth/refresh', { body: { refreshToken } });

test('logout ends the session on every replica with the next request', async () => {
  const session = await one.login(backing.user('reader'));
  const other = await one.login(backing.user('reader'));
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

test.each(['bearer', 'BEARER ', 'Bearer'])(
  'the scheme %s has no case, and any number of spaces',
  async (scheme) => {
    const { accessToken } = await one.login(backing.user('reader'));
    const headers = { authorization: `${scheme} ${accessToken}` };
    expect((await one.send('GET', '/api/v1/auth/me', { headers })).status).toBe(200);
  },
);

test('a signed-out token is charged to the address, not to the user', async () => {
  const limited = await backing.start();
  const session = await limited.login(backing.user('reader'));
  const gone = await limited.login(backing.user('reader'));
  await gone.send('POST', '/api/v1/auth/logout');
  const remaining = async () =>
    Number((await session.send('GET', '/api/v1/auth/me')).headers['x-ratelimit-remaining']);
  const before = await remaining();
  for (let i = 0; i < 5; i += 1) expect((await me(limited, gone.accessToken)).status).toBe(401);
  expect(await remaining()).toBe(before - 1);
});

describe('a change of the own password', () => {
  const newPassword = 'an entirely new passphrase';
  const create = async (name: string) => {
    const admin = await one.login(backing.user('admin'));
    const body = {
      email: `${name}@example.com`,
      password: 'a long enough passphrase',
      role: 'reader' as const,
    };
    expect((await admin.send('POST', '/api/v1/users', { body })).status).toBe(201);
    return body;
  };
  const change = (session: TestSession, currentPassword: string, password = newPassword) =>
    session.send('POST', '/api/v1/auth/password', { body: { currentPassword, newPassword: password } });

  test('needs the old one, ends the other sessions, and leaves its own', async () => {
    const user = await create('changing');
    const [session, other] = [await one.login(user), await two.login(user)];
    expect((await change(session, 'wrong')).status).toBe(403);
    expect((await me(two, other.accessToken)).status).toBe(200);
    expect((await change(session, user.password)).status).toBe(204);
    expect((await me(two, session.accessToken)).status).toBe(200);
    expect((await refresh(two, session.refreshToken)).status).toBe(200);
    expect((await me(one, other.accessToken)).status).toBe(401);
    expect((await refresh(one, other.refreshToken)).status).toBe(401);
    await expect(one.login(user)).rejects.toThrow('401');
    await one.login({ ...user, password: newPassword });
    expect(one.logs.filter(({ event }) => event === 'password_refused')).toHaveLength(1);
    expect(one.logs.filter(({ event }) => event === 'user_changed').at(-1)).toMatchObject({
      changed: ['password'],
    });
  });

  test.each([
    ['too short', 'short'],
    ['common', 'Summer2024!!'],
    ['of the own address', 'weakling-is-my-name'],
  ])('refuses a new one that is %s', async (_name, password) => {
    const user = {
      email: `weakling@example.com`,
      password: 'a long enough passphrase',
      role: 'reader' as const,
    };
    await create('weakling').catch(() => undefined);
    const answer = await change(await one.login(user), user.password, password);
    expect([answer.status, answer.json.errors[0].field]).toEqual([400, '/newPassword']);
  });

  test('is limited like a login, in a window of its own', async () => {
    const limited = await backing.start({ TRUSTED_PROXIES: '127.0.0.1/32' });
    const user = await create('guessed');
    const headers = { 'x-forwarded-for': '203.0.113.1' };
    const { email, password } = user;
    const login = () => limited.send('POST', '/api/v1/auth/login', { body: { email, password }, headers });
    const { accessToken: token } = (await login()).json;
    const statuses: number[] = [];
    for (let i = 0; i < 11; i += 1) {
      const body = { currentPassword: `guess ${i}`, newPassword };
      statuses.push((await limited.send('POST', '/api/v1/auth/password', { token, headers, body })).status);
    }
    expect(statuses).toEqual([...Array(10).fill(403), 429]);
    expect((await login()).status).toBe(200);
  });

  test('is not undone by the rehash of a login that began before it', async () => {
    const user = await create('racing');
    const { users, passwords } = one.service.accounts;
    const before = await users.findByEmail(user.email);
    if (before === undefined) throw new Error('no account');
    await change(await one.login(user), user.password);
    await users.rehash(before, before.passwordHash);
    await one.login({ ...user, password: newPassword });
    expect(await users.changePassword(before, await passwords.hash('x'))).toBeUndefined();
  });
});

test('no key names an e-mail address or a session; the e-mail index of release 0.1 still works', async () => {
  const user = backing.user('caseworker');
  const session = await one.login(user);
  const { users } = one.service.accounts;
  const { data } = one.service.context;
  const keys = async () => {
    const found: string[] = [];
    for await (const batch of scanKeys(data, '*')) found.push(...batch);
    return found;
  };
  const claims = JSON.parse(Buffer.from(session.accessToken.split('.')[1] ?? '', 'base64url').toString());
  const names = (await keys()).join(' ');
  expect(names).not.toContain('@');
  expect(names).not.toContain(claims.sid);
  const id = (await users.findByEmail(user.email))?.id ?? '';
  for (const key of await keys())
    if (key.includes('{users}:e:') && (await data.get(key)) === id) await data.del(key);
  await expect(one.login(user)).rejects.toThrow('401');
  await data.set(`cs:v1:{users}:email:${user.email}`, id);
  await one.login(user);
  expect(await users.create(user.email, 'reader', 'x')).toBeUndefined();
  await users.moveEmailIndex();
  await two.login(user);
  expect((await keys()).join(' ')).not.toContain('@');
});

test('a Redis that comes back empty gets the first accounts again, from the replica that runs', async () => {
  const emptied = await startBacking();
  const service = await emptied.start();
  const user = emptied.user('reader');
  await service.login(user);
  const as = new Redis({
    port: emptied.redis.port,
    tls: { ca: emptied.authority.certificate },
    ...operator,
  });
  await as.flushall();
  as.disconnect();
  await until(() => service.logs.filter(({ event }) => event === 'users_bootstrapped').length === 2);
  await service.login(user);
  await emptied.stop();
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
