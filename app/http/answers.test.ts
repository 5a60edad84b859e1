import { once } from 'node:events';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeFiles } from '../../test/support/certificates.ts';
import { exchange } from '../../test/support/raw-http.ts';
import {
  type Backing,
  generousPolicies,
  startBacking,
  type TestService,
  type TestSession,
  until,
} from '../../test/support/service.ts';

let backing: Backing;
let replica: TestService;
let session: TestSession;
const origin = 'https://app.example';

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start({
    POLICIES_FILE: `${backing.dir}/policies.json`,
    ALLOWED_ORIGINS: origin,
    TRUSTED_PROXIES: '127.0.0.0/8',
  });
  session = await replica.login(backing.user('caseworker'));
});
afterAll(() => backing.stop());

const raw = (bytes: string) => exchange(replica.ports.api, bytes, backing.authority.certificate);
const authorization = () => `Authorization: Bearer ${session.accessToken}\r\n`;

describe('a page of an allowed origin can read', () => {
  test.each([
    ['an error', 'GET', '/api/v1/nothing', {}, 404],
    ['a refusal of its token', 'GET', '/api/v1/cases', {}, 401],
    ['a broken path', 'GET', '/%E0%A4%A', {}, 400],
    ['a preflight', 'OPTIONS', '/api/v1/cases', { 'access-control-request-method': 'POST' }, 204],
  ])('%s', async (_name, method, path, headers, status) => {
    const answer = await replica.send(method, path, { headers: { origin, ...headers } });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([status, origin]);
    const other = await replica.send(method, path, {
      headers: { ...headers, origin: 'https://evil.example' },
    });
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
  });

  // Before: a 429 and a 503 had no CORS headers, so that Retry-After could not be read.
  test('a 429 with its Retry-After', async () => {
    const strict = generousPolicies.map((policy) =>
      policy.name === 'address' ? { ...policy, quota: 1 } : policy,
    );
    writeFiles(backing.dir, { 'strict.json': JSON.stringify(strict) });
    const limited = await backing.start({
      POLICIES_FILE: `${backing.dir}/strict.json`,
      ALLOWED_ORIGINS: origin,
    });
    const ask = () => limited.send('GET', '/health', { headers: { origin } });
    await ask();
    const answer = await ask();
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([429, origin]);
    expect(String(answer.headers['access-control-expose-headers'])).toContain('retry-after');
    await limited.stop();
  });
});

test.each(['Bearer ', 'bearer ', 'BEARER  '])('the scheme %j is read', async (scheme) => {
  const headers = { authorization: `${scheme}${session.accessToken}` };
  expect((await replica.send('GET', '/api/v1/auth/me', { headers })).status).toBe(200);
});

test('an empty JSON body is no body', async () => {
  const headers = { 'content-type': 'application/json' };
  const made = await session.send('POST', '/api/v1/cases', { body: { title: 'x' } });
  expect((await session.send('DELETE', String(made.headers.location), { headers, body: '' })).status).toBe(
    204,
  );
  expect((await session.send('POST', '/api/v1/cases', { headers, body: '' })).status).toBe(400);
  const other = await replica.login(backing.user('caseworker'));
  expect((await other.send('POST', '/api/v1/auth/logout', { headers, body: '' })).status).toBe(204);
});

test('a compressed body is refused', async () => {
  const headers = { 'content-encoding': 'gzip' };
  const answer = await session.send('POST', '/api/v1/cases', { body: { title: 'x' }, headers });
  expect([answer.status, answer.headers['accept-encoding']]).toEqual([415, 'identity']);
});

test.each([
  ['without a token', '', 'Content-Type: application/json\r\nContent-Length: 5\r\n', 401],
  [
    'a body that is too large',
    authorization,
    'Content-Type: application/json\r\nContent-Length: 99999999\r\n',
    413,
  ],
  ['another type', authorization, 'Content-Type: text/plain\r\nContent-Length: 5\r\n', 415],
])(
  'Expect: 100-continue %s: the refusal alone, and the connection is closed',
  async (_name, auth, head, status) => {
    const token = typeof auth === 'string' ? auth : auth();
    const answers = await raw(
      `POST /api/v1/cases HTTP/1.1\r\nHost: x\r\n${token}${head}Expect: 100-continue\r\n\r\n`,
    );
    expect(answers.map((answer) => answer.status)).toEqual([status]);
  },
);

test('Expect: 100-continue of a request that is admitted: 100, then the answer', async () => {
  const socket = connect({ host: '127.0.0.1', port: replica.ports.api, ca: backing.authority.certificate });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const body = '{"title":"x"}';
  socket.write(
    `POST /api/v1/cases HTTP/1.1\r\nHost: x\r\n${authorization()}Content-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n`,
  );
  await until(() => text.startsWith('HTTP/1.1 100'));
  socket.write(body);
  await once(socket, 'close');
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 201']);
});

// Before: the answer to the first request was lost.
test('a request pipelined behind a valid one that breaks: the first one is answered', async () => {
  const answers = await raw(
    `GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\n${authorization()}\r\nNONSENSE \x01\r\n\r\n`,
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 400]);
});

test.each(['203.0.113.9:51234', '[2001:db8::9]:443', '"[2001:db8::9]"'])(
  'X-Forwarded-For %s is understood',
  async (forwarded) => {
    const answer = await replica.send('GET', '/health', { headers: { 'x-forwarded-for': forwarded } });
    expect(answer.status).toBe(200);
  },
);

test('a request whose client leaves is counted as aborted, and nothing stays in flight', async () => {
  const before = await replica.metric('http_requests_total', { status: 'aborted' });
  const socket = connect({ host: '127.0.0.1', port: replica.ports.api, ca: backing.authority.certificate });
  socket.write(
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  );
  await until(async () => (await replica.metric('http_requests_in_flight')) === 1);
  socket.destroy();
  await until(
    async () => (await replica.metric('http_requests_total', { status: 'aborted' })) === before + 1,
  );
  expect(await replica.metric('http_requests_in_flight')).toBe(0);
});

test('counters of every route and policy exist before the first request', async () => {
  const fresh = await backing.start();
  const { text } = await fresh.send('GET', '/metrics', { to: 'internal' });
  for (const series of [
    'http_requests_total{route="/api/v1/cases/:id",method="PATCH",status="5xx"} 0',
    'http_requests_total{route="/api/v1/auth/login",method="POST",status="aborted"} 0',
    'authz_denied_total{route="/api/v1/users"} 0',
    'ratelimit_decisions_total{policy="login",decision="unavailable",source="local"} 0',
  ])
    expect(text).toContain(series);
  expect(text).not.toMatch(/^cache_hit_ratio\{/m);
  await fresh.stop();
});
