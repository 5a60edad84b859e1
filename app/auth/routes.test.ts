import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, type TestAnswer, type TestService } from '../../test/support/service.ts';

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
