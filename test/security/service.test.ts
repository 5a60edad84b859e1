import { once } from 'node:events';
import { connect } from 'node:net';
import fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requireDeclarations } from '../../app/http/access.ts';
import { type Backing, startBacking, type TestService, until } from '../support/service.ts';

/** Points of the acceptance list that need more than one replica, a store that was tampered with, or one that is away. */

let backing: Backing;
let replicas: readonly TestService[];
beforeAll(async () => {
  backing = await startBacking();
  replicas = await backing.startPair();
});
afterAll(() => backing.stop());

const first = (): TestService => replicas[0] as TestService;

test.each([
  ['nothing', {}],
  ['no access', { rateLimit: 'default' }],
  ['nobody', { access: [], rateLimit: 'default' }],
  ['an unknown role', { access: ['root'], rateLimit: 'default' }],
  ['no limit', { access: 'public' }],
])('a route that declares %s stops the boot', async (_what, config) => {
  const app = fastify();
  requireDeclarations(app as never);
  expect(() => app.get('/x', { config } as never, () => '')).toThrow(/declares no access or rate limit/);
  await app.close();
});

test('a disabled account and a changed role are felt by the next request on each replica', async () => {
  const admin = await first().login(backing.user('admin'));
  for (const [change, index] of [
    [{ disabled: true }, 0],
    [{ role: 'reader' }, 1],
  ] as const) {
    const session = await first().login(backing.user('caseworker', index));
    const id = (await session.send('GET', '/api/v1/auth/me')).json.id;
    for (const replica of replicas)
      expect(
        (await replica.send('POST', '/api/v1/cases', { token: session.accessToken, body: { title: 'x' } }))
          .status,
      ).toBe(201);
    expect((await admin.send('PATCH', `/api/v1/users/${id}`, { body: change })).status).toBe(200);
    for (const replica of replicas) {
      const answer = await replica.send('POST', '/api/v1/cases', {
        token: session.accessToken,
        body: { title: 'x' },
      });
      expect([401, 403]).toContain(answer.status);
    }
    await admin.send('PATCH', `/api/v1/users/${id}`, { body: { disabled: false, role: 'caseworker' } });
  }
});

test('what the store holds beyond the contract is not answered', async () => {
  const session = await first().login(backing.user('caseworker'));
  const { json: made } = await session.send('POST', '/api/v1/cases', { body: { title: 'mine' } });
  const { data } = first().service.context;
  let tampered = 0;
  let cursor = '0';
  do {
    const [next, keys] = await data.scan(cursor, 'MATCH', 'cs:v1:*', 'COUNT', 1_000);
    cursor = next;
    for (const key of keys) {
      const done = await data.hset(key, 'passwordHash2', 'leaked').catch(() => 0);
      tampered += Number(done);
    }
  } while (cursor !== '0');
  expect(tampered).toBeGreaterThan(2);
  for (const path of [
    '/api/v1/auth/me',
    '/api/v1/cases',
    `/api/v1/cases/${made.id}`,
    '/api/v1/sync/status',
  ]) {
    const { status, text } = await session.send('GET', path);
    expect([path, status, text.includes('leaked')]).toEqual([path, 200, false]);
  }
  const admin = await first().login(backing.user('admin'));
  const { text } = await admin.send('GET', '/api/v1/users');
  expect(text).not.toMatch(/leaked|argon2|passwordHash/);
});

test('a connection that never begins its handshake is closed, and soon', async () => {
  const started = Date.now();
  const socket = connect(first().ports.api, '127.0.0.1');
  socket.on('error', () => {}).resume();
  await once(socket, 'close');
  expect(Date.now() - started).toBeLessThan(20_000);
});

test('Redis away: the replicas stay ready and alive, answer 503 and recover by themselves', async () => {
  const session = await first().login(backing.user('caseworker'));
  backing.redis.signal('SIGKILL');
  await until(async () => (await session.send('GET', '/api/v1/cases')).status === 503);
  for (const replica of replicas)
    for (const path of ['/health/ready', '/health/live'])
      expect((await replica.send('GET', path, { to: 'internal' })).status).toBe(200);
  const answer = await session.send('GET', '/api/v1/cases');
  expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  await backing.redis.restart();
  // Without persistence the session is gone; that it is asked for is the recovery.
  await until(async () => (await session.send('GET', '/api/v1/cases')).status === 401);
});
