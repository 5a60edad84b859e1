import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, type TestService, type TestSession } from '../support/service.ts';

/** Secrets and case text are followed through everything that the service writes: logs, metrics, spans, errors, disk. */

const canary = (kind: string): string => `canary-${kind}-${randomBytes(9).toString('hex')}`;
const secrets = {
  title: canary('title'),
  description: canary('description'),
  password: canary('password'),
  query: canary('query'),
  header: canary('header'),
  search: canary('search'),
};
const spans: ReadableSpan[] = [];
const spansTo: SpanExporter = {
  export(batch, done) {
    spans.push(...batch);
    done({ code: 0 });
  },
  shutdown: () => Promise.resolve(),
};
let backing: Backing;
let service: TestService;
let session: TestSession;
/** Everything the clients were answered, errors above all. */
const errors: string[] = [];
let metrics: string;
let hiding: readonly (readonly [string, string])[];

beforeAll(async () => {
  backing = await startBacking({ appendonly: 'yes', appendfsync: 'always', save: '3600 1' });
  service = await backing.start({ OTEL_TRACES_SAMPLER_ARG: '1' }, { spansTo });
  const user = backing.users.find(({ role }) => role === 'caseworker');
  if (!user) throw new Error('the test users have a caseworker');
  session = await service.login(user);
  const { json } = await session.send('POST', '/api/v1/cases', {
    body: { title: secrets.title, description: secrets.description },
  });
  await session.send('PATCH', `/api/v1/cases/${json.id}`, {
    headers: { 'if-match': '"1"' },
    body: { description: `${secrets.description} again` },
  });
  await session.send('POST', '/api/v1/cases/search', { body: { text: secrets.search } });
  const failing = [
    service.send('POST', '/api/v1/auth/login', {
      body: { email: 'nobody@example.com', password: secrets.password },
    }),
    service.send('POST', '/api/v1/auth/login', { body: `{"password":"${secrets.password}"` }),
    service.send('GET', `/api/v1/cases?token=${secrets.query}`, { headers: { 'x-api-key': secrets.header } }),
    service.send('GET', `/${secrets.query}`, { headers: { cookie: `__Host-refresh=${secrets.header}` } }),
    session.send('POST', '/api/v1/cases', { body: { title: secrets.title, unknown: secrets.description } }),
    session.send('GET', `/api/v1/cases/${secrets.query}`),
  ];
  for (const answer of await Promise.all(failing)) errors.push(answer.text + JSON.stringify(answer.headers));
  metrics = (await service.send('GET', '/metrics', { to: 'internal' })).text;
  const read = (file: string): string => readFileSync(join(backing.dir, 'secrets', file), 'utf8').trim();
  hiding = [
    ...Object.entries(secrets),
    ['login password', user.password],
    ['access token', session.accessToken],
    ['refresh token', session.refreshToken],
    ['Redis data password', read('redis-data-password')],
    ['Redis limiter password', read('redis-limiter-password')],
    ['CSRF key', read('csrf-key')],
    ['pseudonym key', read('pseudonym-key')],
    ['e-mail address', user.email],
  ];
});
afterAll(() => backing.stop());

function found(text: string, except: readonly string[] = []): readonly string[] {
  return hiding
    .filter(([name, value]) => !except.includes(name) && text.includes(value))
    .map(([name]) => name);
}

test('no secret, token, address or case text in the log', () => {
  expect(service.logText().length).toBeGreaterThan(1_000);
  expect(found(service.logText())).toEqual([]);
});

test('none in the metrics', () => {
  expect(metrics).toContain('case_operations_total');
  expect(found(metrics)).toEqual([]);
});

test('none in the spans', async () => {
  // Stopping it sends what is still held back.
  await service.stop();
  expect(spans.length).toBeGreaterThan(5);
  const written = spans.map(({ name, attributes, events, status, links }) =>
    JSON.stringify({ name, attributes, events, status, links }),
  );
  expect(found(written.join('\n'))).toEqual([]);
});

test('none in the answers to requests that failed', () => {
  expect(errors.length).toBe(6);
  expect(found(errors.join('\n'))).toEqual([]);
});

test('no case text and no usable token on disk: neither in the append-only file nor in the snapshot', async () => {
  const { process: redis } = backing.redis;
  redis.kill('SIGTERM');
  if (redis.exitCode === null) await once(redis, 'exit');
  const files = readdirSync(backing.redis.dir, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(aof|rdb)$/.test(file),
  );
  expect(files.some((file) => file.endsWith('.aof')) && files.some((file) => file === 'dump.rdb')).toBe(true);
  const disk = files.map((file) => readFileSync(join(backing.redis.dir, file), 'latin1')).join('\n');
  // The case is there, sealed; of the account the address is, since login must find it.
  expect(disk).toContain('cs:v1:');
  expect(found(disk, ['e-mail address'])).toEqual([]);
});
