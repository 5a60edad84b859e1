import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { catalogue } from '../contract/metrics.ts';
import { createTokenKey, writeFiles } from '../test/support/certificates.ts';
import {
  type Backing,
  generousPolicies,
  startBacking,
  type TestService,
  until,
} from '../test/support/service.ts';

let backing: Backing;
let replica: TestService;

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start({ POLICIES_FILE: join(backing.dir, 'policies.json') });
});
afterAll(() => backing.stop());

const internal = (service: TestService, path: string) => service.send('GET', path, { to: 'internal' });
const reloaded = (service: TestService, file: string) =>
  until(() =>
    service.logs.some(({ event, files }) => event === 'files_reloaded' && String(files).includes(file)),
  );

describe('what the process tells', () => {
  test('that it answers, on the API port, without details', async () => {
    for (const path of ['/', '/health']) {
      const answer = await replica.send('GET', path);
      expect([answer.status, answer.json]).toEqual([200, { status: 'ok' }]);
    }
  });

  test('probes and metrics, on the internal port alone', async () => {
    for (const path of ['/health/live', '/health/ready', '/health/startup', '/metrics']) {
      expect((await internal(replica, path)).status).toBe(200);
      expect((await replica.send('GET', path)).status).toBe(404);
    }
    expect((await internal(replica, '/api/v1/cases')).status).toBe(404);
  });

  test('exactly the metrics of the catalogue, each with its labels', async () => {
    const session = await replica.login(backing.user('caseworker'));
    const created = await session.send('POST', '/api/v1/cases', { body: { title: 'a case' } });
    await session.send('GET', `/api/v1/cases/${created.json.id}`);
    await session.send('POST', '/api/v1/auth/refresh', { body: { refreshToken: session.refreshToken } });
    await replica.send('GET', '/api/v1/users');
    await session.send('GET', '/api/v1/users');
    const { text, headers } = await internal(replica, '/metrics');
    expect(headers['content-type']).toContain('version=0.0.4');
    const exposed = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]);
    expect(exposed.sort()).toEqual(
      Object.entries(catalogue)
        .map(([name, { type }]) => [name, type])
        .sort(),
    );
    for (const [, name = '', labels = ''] of text.matchAll(/^([a-z_]+)\{([^}]*)\}/gm)) {
      const metric = name.replace(/_(bucket|sum|count)$/, '') as keyof typeof catalogue;
      const domains = (catalogue[metric] ?? catalogue[name as keyof typeof catalogue]).labels as Record<
        string,
        readonly string[] | { atMost: number }
      >;
      for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
        if (label === 'le') continue;
        const domain = domains[label];
        expect(domain, `${name}{${label}}`).toBeDefined();
        if (Array.isArray(domain)) expect(domain).toContain(value);
      }
    }
  });

  test('its certificate, key age, build, event loop and connections', async () => {
    expect(await replica.metric('redis_up')).toBe(2);
    expect(await replica.metric('build_info', { environment: 'local' })).toBe(1);
    expect(await replica.metric('process_draining')).toBe(0);
    expect(await replica.metric('jwt_key_age_seconds')).toBeGreaterThan(0);
    const days = ((await replica.metric('tls_cert_expiry_timestamp_seconds')) - Date.now() / 1_000) / 86_400;
    expect(Math.round(days)).toBe(30);
    expect((await internal(replica, '/metrics')).text).toMatch(
      /^event_loop_lag_seconds\{quantile="0.99"\} \d/m,
    );
    expect(await replica.metric('http_requests_in_flight')).toBe(0);
    expect(await replica.metric('password_hash_queue_depth')).toBe(0);
  });
});

test('a signing key is rotated by its file without refusing a single token', async () => {
  const session = await replica.login(backing.user('reader'));
  const file = join(backing.dir, 'secrets', 'token-keys.json');
  const { keys } = JSON.parse(readFileSync(file, 'utf8'));
  const statuses = new Set<number>();
  let done = false;
  const traffic = (async () => {
    while (!done) statuses.add((await session.send('GET', '/api/v1/auth/me')).status);
  })();
  const rotated = [createTokenKey('k2'), ...keys];
  writeFiles(join(backing.dir, 'secrets'), {
    'token-keys.json': JSON.stringify({ active: 'k2', keys: rotated }),
  });
  await reloaded(replica, 'token-keys.json');
  const next = await replica.login(backing.user('reader'));
  expect(decodeProtectedHeader(next.accessToken).kid).toBe('k2');
  expect((await next.send('GET', '/api/v1/auth/me')).status).toBe(200);
  done = true;
  await traffic;
  expect(statuses).toEqual(new Set([200]));
  const { json } = await replica.send('GET', '/.well-known/jwks.json');
  expect(json.keys.map(({ kid }: { kid: string }) => kid)).toEqual(['k2', 'k1']);
  // Taken away, the old key's tokens are nothing any more.
  writeFiles(join(backing.dir, 'secrets'), {
    'token-keys.json': JSON.stringify({ active: 'k2', keys: rotated.slice(0, 1) }),
  });
  await until(async () => (await session.send('GET', '/api/v1/auth/me')).status === 401);
  expect((await next.send('GET', '/api/v1/auth/me')).status).toBe(200);
});

test('policies are changed by their file', async () => {
  const path = join(backing.dir, 'own-policies.json');
  const write = (quota: number) =>
    writeFileSync(
      path,
      JSON.stringify(
        generousPolicies.map((policy) => (policy.name === 'default' ? { ...policy, quota } : policy)),
      ),
    );
  write(500);
  const own = await backing.start({ POLICIES_FILE: path });
  const session = await own.login(backing.user('reader'));
  write(3);
  await reloaded(own, 'own-policies.json');
  let limited = await session.send('GET', '/api/v1/auth/me');
  await until(async () => {
    limited = await session.send('GET', '/api/v1/auth/me');
    return limited.status === 429;
  });
  expect(await own.metric('ratelimit_near_limit_users', { policy: 'default' })).toBe(1);
  expect(await own.metric('ratelimit_near_limit_users', { policy: 'intensive' })).toBe(0);
  write(-1);
  await until(() =>
    own.logs.some(({ event, problems }) => event === 'files_refused' && String(problems).includes('quota')),
  );
  // The old ones stay. (A starved Redis may let a request through by the local limiter, hence not at once.)
  await until(async () => (await session.send('GET', '/api/v1/auth/me')).status === 429);
  expect(limited.json).toMatchObject({ title: 'Rate limit exceeded', 'violated-policies': ['default'] });
  expect(
    own.logs.find(({ event, allowed }) => event === 'rate_limit_check' && allowed === false),
  ).toMatchObject({
    operation: '/api/v1/auth/me',
    limit: 3,
    remaining: 0,
  });
});

test('it starts without Redis, says so, and is ready when Redis comes', async () => {
  const alone = await startBacking();
  alone.redis.signal('SIGKILL');
  await until(() => alone.redis.process.signalCode !== null);
  const service = await alone.start({}, { unready: true });
  expect((await service.send('GET', '/health')).status).toBe(200);
  expect((await internal(service, '/health/live')).status).toBe(200);
  expect((await internal(service, '/health/startup')).status).toBe(503);
  const early = await internal(service, '/health/ready');
  expect([early.status, early.headers['retry-after']]).toEqual([503, '1']);
  await alone.redis.restart();
  await until(async () => (await internal(service, '/health/ready')).status === 200);
  expect((await internal(service, '/health/startup')).status).toBe(200);
  const [first] = alone.users;
  if (first) await service.login(first);
  // The password changes: the next connection uses the new one.
  const password = 'rotated-password-of-the-data-user';
  const { data } = service.service.context;
  writeFiles(join(alone.dir, 'secrets'), { 'redis-data-password': password });
  writeFiles(join(alone.dir, 'redis'), {
    acl: readFileSync(join(alone.dir, 'redis/acl'), 'utf8').replace(
      /(user case-data on) \S+/,
      `$1 >${password}`,
    ),
  });
  alone.redis.signal('SIGKILL');
  await until(() => data.status !== 'ready');
  await alone.redis.restart();
  await until(() => data.status === 'ready');
  await alone.stop();
});

test('first accounts are created once Redis lets them be', async () => {
  const full = await startBacking({ maxmemory: '1' });
  const service = await full.start({}, { unready: true });
  await until(() => service.logs.some(({ event }) => event === 'bootstrap_failed'));
  expect((await internal(service, '/health/ready')).status).toBe(503);
  const session = await service.send('POST', '/api/v1/auth/login', {
    body: { email: 'a@example.com', password: 'x' },
  });
  expect(session.status).toBe(503);
  await full.stop();
});

test('requests that are still open when the time is up are cut', async () => {
  const slow = await backing.start({ SHUTDOWN_SECONDS: '1', DRAIN_SECONDS: '0.1' });
  const socket = connect({ host: '127.0.0.1', port: slow.ports.api, ca: backing.authority.certificate });
  socket.on('error', () => {});
  socket.write(
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  );
  await until(async () => (await slow.metric('http_requests_in_flight')) === 1);
  const silent = connectPlain({ host: '127.0.0.1', port: slow.ports.api });
  await once(silent, 'connect');
  const cut = once(silent, 'close');
  await slow.stop();
  await cut;
  expect(slow.logs.at(-1)).toMatchObject({ event: 'stopped', cut: true });
});

test('what cannot be listened on stops the start and leaves nothing open', async () => {
  const { API_PORT = '' } = replica.environment;
  await expect(backing.start({ API_PORT })).rejects.toThrow('EADDRINUSE');
});
