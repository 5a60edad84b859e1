import { afterAll, beforeAll, expect, test } from 'vitest';
import { securityHeaders } from '../../contract/response-headers.ts';
import { exchange } from '../../test/support/raw-http.ts';
import { type Backing, startBacking, type TestService } from '../../test/support/service.ts';
import { problemType } from './problem.ts';

let backing: Backing;
let replica: TestService;

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start();
});
afterAll(() => backing.stop());

const raw = (bytes: string) => exchange(replica.ports.api, bytes, backing.authority.certificate);
/** A second request on the same connection: whoever reads the first one differently would answer it. */
const smuggled = 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const post = (headers: string, body = '', version = '1.1') =>
  `POST /api/v1/auth/login HTTP/${version}\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
const get = (line: string, ...headers: string[]) => `${[line, 'Host: x', ...headers].join('\r\n')}\r\n\r\n`;
const ok = 'GET /health HTTP/1.1';

/** SR A2: ambiguous requests, and the status each must bring about. */
const cases: Readonly<Record<string, readonly [bytes: string, status: number]>> = {
  'both lengths': [post('Content-Length: 4\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), 400],
  'Content-Length twice': [post('Content-Length: 2\r\nContent-Length: 4', '{}'), 400],
  'unknown transfer coding': [post('Transfer-Encoding: xchunked', '0\r\n\r\n'), 400],
  'chunked, then identity': [post('Transfer-Encoding: chunked, identity', '0\r\n\r\n'), 400],
  'gzip coding': [post('Transfer-Encoding: gzip', '0\r\n\r\n'), 400],
  'coding in HTTP/1.0': [post('Transfer-Encoding: chunked', '0\r\n\r\n', '1.0'), 400],
  'line feeds only': [`${ok}\nHost: x\n\n`, 400],
  'space before colon': [get(ok, 'X-A : b'), 400],
  'folded header': [get(ok, 'X-A: b', ' c'), 400],
  'control character': [get(ok, 'X-A: b\x01c'), 400],
  'no Host': [`${ok}\r\n\r\n`, 400],
  'two Hosts': [get(ok, 'Host: y'), 400],
  'two Authorizations': [get(ok, 'Authorization: a', 'Authorization: b'), 400],
  'absolute target': [get('GET https://x/health HTTP/1.1'), 400],
  'header too large': [get(ok, `X-A: ${'a'.repeat(20_000)}`), 431],
  'path segment too long': [get(`GET /api/v1/users/${'a'.repeat(101)} HTTP/1.1`, 'Connection: close'), 414],
  'broken percent encoding': [get('GET /%E0%A4%A HTTP/1.1', 'Connection: close'), 400],
  'unknown expectation': [get(ok, 'Expect: the-best'), 417],
  'not HTTP': ['\x16\x03\x01 hello\r\n\r\n', 400],
};

test.each(Object.entries(cases))(
  '%s: one refusal, all headers, connection closed',
  async (_name, [bytes, status]) => {
    const answers = await raw(bytes + (status === 414 || bytes.includes('%E0') ? '' : smuggled));
    expect(answers.map((answer) => answer.status)).toEqual([status]);
    const [{ headers, body } = { headers: new Map(), body: '' }] = answers;
    expect(headers.get('content-type')).toBe(problemType);
    for (const [name, value] of Object.entries(securityHeaders(true))) expect(headers.get(name)).toBe(value);
    const problem = JSON.parse(body);
    expect(problem).toMatchObject({ status, instance: headers.get('x-request-id') });
  },
);

test('raw refusals are counted by status', async () => {
  expect(await replica.metric('http_client_errors_total', { code: '431' })).toBe(1);
  expect(await replica.metric('http_client_errors_total', { code: '400' })).toBeGreaterThan(5);
});

test('what is merely unusual is served once', async () => {
  const chunked = await raw(
    post('Transfer-Encoding: chunked\r\nConnection: close', '2;x=y\r\n{}\r\n0\r\n\r\n'),
  );
  expect(chunked.map(({ status }) => status)).toEqual([400]);
  expect(JSON.parse(chunked[0]?.body ?? '').errors).toEqual([{ field: '/email', message: 'is missing' }]);
  const pipelined = await raw(get(ok) + smuggled);
  expect(pipelined.map(({ status }) => status)).toEqual([200, 200]);
});

test.each(['//health', '/HEALTH', '/health/', '/health;x', '/../health', '/%2e%2e/health'])(
  '%s is another address than /health',
  async (path) => {
    const [answer] = await raw(get(`GET ${path} HTTP/1.1`, 'Connection: close'));
    expect(answer?.status).toBe(404);
  },
);

test('broken request lines count against the limits of their address', async () => {
  const before = await replica.metric('ratelimit_decisions_total', { decision: 'allow' });
  const [answer] = await raw(get('GET /%E0%A4%A HTTP/1.1', 'Connection: close'));
  expect(answer?.headers.has('x-ratelimit-limit')).toBe(true);
  expect(await replica.metric('ratelimit_decisions_total', { decision: 'allow' })).toBe(before + 1);
  expect(await replica.metric('http_requests_total', { route: 'unmatched', status: '4xx' })).toBeGreaterThan(
    0,
  );
});

test('plain HTTP serves nothing, redirects nothing and does not claim HSTS', async () => {
  for (const line of [
    'GET / HTTP/1.1',
    'GET /health HTTP/1.1',
    'GET /api/v1/cases HTTP/1.1',
    'DELETE /x HTTP/1.1',
  ]) {
    const [answer] = await exchange(replica.ports.plain, get(line, 'Connection: close'));
    expect(answer?.status).toBe(403);
    expect(answer?.headers.has('strict-transport-security')).toBe(false);
    expect(answer?.headers.has('location')).toBe(false);
    expect(answer?.headers.get('x-frame-options')).toBe('DENY');
  }
  const [broken] = await exchange(replica.ports.plain, 'nonsense\r\n\r\n');
  expect(broken?.status).toBe(400);
  expect(broken?.headers.has('strict-transport-security')).toBe(false);
  const tls = await exchange(replica.ports.api, get(ok)).catch(() => []);
  expect(tls.every(({ status }) => status !== 200)).toBe(true);
});
