import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createRawServer } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { checks } from './checks/index.ts';
import { type Options, verify } from './run.ts';
import type { Result, User } from './types.ts';

/** A service that answers otherwise than it should in one respect: what the check of that says. */

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}
/** What is off; undefined where it answers as it should. */
type Off = (request: { what: string; email: string; count: number; body: string }) => Reply | undefined;

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const problem = (status: number, more: object = {}, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ status, title: 'Refused', instance: 'x', ...more }),
});
const page = (status: number): Reply => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<p>no</p>',
});

/** Signs everybody in, has nothing else, and lets nobody in whose token it does not know. */
function usual(what: string, body: string): Reply {
  if (!what.endsWith('/login')) return problem(what.startsWith('GET /api') ? 401 : 404);
  const { email = '', password } = JSON.parse(body) as { email?: string; password?: string };
  if (password !== 'right') return problem(401);
  const accessToken = `${encode({ alg: 'EdDSA', kid: 'k' })}.${encode({ email })}.x`;
  return { status: 200, body: JSON.stringify({ accessToken, refreshToken: 'r'.repeat(43) }) };
}

const users = (['reader', 'caseworker', 'caseworker', 'admin'] as const).map(
  (role, index): User => ({ email: `${role}${index}@example.com`, password: 'right', role }),
);
const operations = [{ method: 'GET', path: '/api/v1/users', access: ['admin'], body: false }];

/** Whose token a request carries. */
function bearer({ headers }: IncomingMessage): string {
  const claims = headers.authorization?.split('.')[1];
  try {
    return String(JSON.parse(Buffer.from(claims ?? '', 'base64url').toString()).email);
  } catch {
    return '';
  }
}

async function judged(id: string, off: Off, more: Partial<Options> = {}): Promise<Result | undefined> {
  const counts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const what = `${request.method} ${request.url}`;
    const count = (counts.get(what) ?? 0) + 1;
    counts.set(what, count);
    const {
      status,
      headers,
      body: text = '',
    } = off({ what, email: bearer(request), count, body }) ?? refusing(what, body);
    response.writeHead(status, headers).end(text);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const target = { host: '127.0.0.1', port, tls: false, ca: undefined };
  try {
    const chosen = checks.filter((check) => check.id === id);
    const [result] = await verify({ target, users, operations, ...more }, chosen);
    return result;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

function refusing(what: string, body: string): Reply {
  try {
    return usual(what, body);
  } catch {
    return problem(400);
  }
}

const login = 'POST /api/v1/auth/login';
const cases = 'GET /api/v1/cases';
const signedIn = (more: object): Off => {
  return ({ what }) =>
    what === login
      ? { status: 200, body: JSON.stringify({ accessToken: `${encode({})}.${encode({})}.x`, ...more }) }
      : undefined;
};
/** A limiter with a quota of three, as its answers tell; `denied` is what the fourth gets. */
const limited = (denied: Reply | undefined, quota = 3, left = quota - 1): Off => {
  const headers = { 'ratelimit-policy': `"default";q=${quota}`, ratelimit: `"default";r=${left}` };
  return ({ what, email, count }) => {
    if (what !== cases || email === '') return undefined;
    return denied !== undefined && count > 3 ? denied : { status: 200, headers, body: '[]' };
  };
};
const fields = (limit: string, remaining: string, seconds: number): Off => {
  const reset = String(Math.round(Date.now() / 1000) + seconds);
  const headers = {
    ...{ 'x-ratelimit-limit': limit, 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': reset },
    ...{ 'ratelimit-policy': '"default";q=3', ratelimit: '"default";r=2' },
  };
  return ({ what, body }) => ({ ...refusing(what, body), headers });
};

const rows: readonly (readonly [
  id: string,
  what: string,
  off: Off,
  status: Result['status'],
  says: RegExp,
])[] = [
  [
    'auth-refresh-random',
    'a JWT to refresh with',
    signedIn({ refreshToken: `eyJ${'a'.repeat(40)}` }),
    'fail',
    /is a JWT/,
  ],
  [
    'auth-forged-tokens',
    'keys without its own',
    ({ what }) => (what.includes('jwks') ? { status: 200, body: '{"keys":[{"kid":"other"}]}' } : undefined),
    'error',
    /does not hold the key/,
  ],
  ['auth-forged-tokens', 'no keys', () => undefined, 'error', /does not hold the key/],
  [
    'auth-login-strict',
    'pages for errors',
    ({ what, body }) => (what === login && body !== '' ? page(400) : undefined),
    'fail',
    /text\/html/,
  ],
  [
    'auth-login-uniform',
    'one page for both',
    ({ what }) => (what === login ? page(401) : undefined),
    'pass',
    /401 and 401/,
  ],
  [
    'auth-login-uniform',
    'another page for each',
    ({ what, count }) => (what === login ? { ...page(401), body: `<p>${count}` } : undefined),
    'fail',
    /401 and 401/,
  ],
  [
    'auth-login-throttled',
    'a limiter without its store',
    ({ what }) => (what === login ? problem(503) : undefined),
    'error',
    /store does not answer/,
  ],
  ['auth-logout-revokes', 'no refresh token', signedIn({}), 'fail', /logout 404, token 401/],
  [
    'auth-token-claims',
    'a limit without a time',
    ({ what }) => (what === login ? problem(429) : undefined),
    'error',
    /login is limited; try again in 60 s/,
  ],
  [
    'rbac-roles',
    'a limit in the way',
    ({ email }) => (email ? problem(429) : undefined),
    'error',
    /the reader is limited at the moment/,
  ],
  [
    'rbac-other-owner',
    'a case that others write, without ETag',
    othersWrite,
    'fail',
    /write 200.*, and it changed/,
  ],
  [
    'leakage-no-internals',
    'errors that name a module',
    () => problem(400, { detail: 'in node_modules' }),
    'fail',
    /tells node_modules/,
  ],
  [
    'leakage-problem-documents',
    'errors without their id',
    () => problem(400, { instance: undefined }),
    'fail',
    /no instance/,
  ],
  ['limiter-headers', 'more left than there is', fields('3', '4', 30), 'fail', /4 of 3 remain/],
  ['limiter-headers', 'less than nothing left', fields('3', '-1', 30), 'fail', /-1 of 3 remain/],
  [
    'limiter-headers',
    'a reset of tomorrow',
    fields('3', '2', 86_400),
    'fail',
    /X-RateLimit-Reset is 86\d{3} s away/,
  ],
  ['limiter-headers', 'a reset long ago', fields('3', '2', -60), 'fail', /X-RateLimit-Reset is -\d+ s away/],
  ['limiter-429', 'no limit behind its fields', limited(undefined), 'fail', /no 429 at all/],
  ['limiter-exact', 'no limit behind its fields', limited(undefined), 'fail', /24 of 3 admitted/],
  [
    'limiter-429',
    'a bare 429',
    limited(page(429)),
    'fail',
    /Retry-After: absent; another title; X-RateLimit-Remaining is not 0; .*absent/,
  ],
  [
    'limiter-429',
    'a wait of an hour',
    limited(
      problem(429, { title: 'Rate limit exceeded' }, { 'retry-after': '3600', 'x-ratelimit-remaining': '0' }),
    ),
    'fail',
    /^Retry-After: 3600; (?!another|X-Rate)/,
  ],
  [
    'limiter-exact',
    'a limit that is used up',
    ({ what, email }) => (what === cases && email ? problem(429) : undefined),
    'error',
    /second caseworker is limited/,
  ],
  [
    'limiter-exact',
    'a quota of five thousand',
    limited(undefined, 5_000),
    'error',
    /quota of 5000 is more than this check may send/,
  ],
];

/** A case that everybody may read and write. */
function othersWrite({ what, email }: Parameters<Off>[0]): Reply | undefined {
  if (what === 'POST /api/v1/cases') return { status: 201, body: '{"id":"1"}' };
  if (!what.endsWith('/api/v1/cases/1') || what.startsWith('DELETE')) return undefined;
  if (what.startsWith('PATCH')) return { status: 200 };
  return email === 'caseworker1@example.com' ? { status: 200, body: '{"title":"taken"}' } : undefined;
}

test.concurrent.each(rows)('%s of a service with %s', async (id, _what, off, status, says) => {
  const result = await judged(id, off);
  expect(result?.observed).toMatch(says);
  expect(result?.status).toBe(status);
});

test.concurrent.each<[string, Partial<Options>, RegExp]>([
  ['limiter-exact', { users: users.slice(0, 2) }, /has no second caseworker/],
  ['auth-logout-revokes', { users: [] }, /no user/],
])('%s without the users that it needs could not be checked', async (id, options, says) => {
  expect(await judged(id, () => undefined, options)).toMatchObject({
    status: 'error',
    observed: expect.stringMatching(says),
  });
});

test.each(['leakage-no-internals', 'leakage-problem-documents'])(
  '%s asks an edge nothing that it answers itself',
  async (id) => {
    const off: Off = ({ what }) => (what.endsWith('/%E0%A4%A') ? page(400) : undefined);
    expect((await judged(id, off))?.status).toBe(id === 'leakage-no-internals' ? 'pass' : 'fail');
    expect(await judged(id, off, { behindEdge: true })).toMatchObject({ status: 'pass' });
  },
);

// Answers that no HTTP library would write.
const raw = createRawServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', (data) => socket.end(data.includes('X-Slow') ? 'SSH-2.0-x\r\n' : `${ok}${ok}`));
});
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
afterAll(() => {
  raw.close();
});

test.each([
  ['headers-ok', 'fail', /2 answers to one request/],
  ['headers-slow-request', 'fail', /no HTTP answer/],
])('%s of a peer that does not speak HTTP as one should', async (id, status, says) => {
  if (!raw.listening) await once(raw.listen(0, '127.0.0.1'), 'listening');
  const { port } = raw.address() as { port: number };
  const target = { host: '127.0.0.1', port, tls: false, ca: undefined };
  const [result] = await verify(
    { target, users, operations },
    checks.filter((check) => check.id === id),
  );
  expect(result).toMatchObject({ status, observed: expect.stringMatching(says) });
});
