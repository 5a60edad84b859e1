import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { securityHeaders } from '../../contract/response-headers.ts';
import {
  type Backing,
  startBacking,
  type TestService,
  type TestSession,
} from '../../test/support/service.ts';
import { problemType } from './problem.ts';

const ours = 'https://app.example';
let backing: Backing;
let replica: TestService;
let admin: TestSession;
let caseworker: TestSession;

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start({
    POLICIES_FILE: `${backing.dir}/policies.json`,
    ALLOWED_ORIGINS: ours,
    TRUSTED_PROXIES: '127.0.0.0/8,fd00::/8',
  });
  [caseworker, admin] = await Promise.all([login('caseworker'), login('admin')]);
});
afterAll(() => backing.stop());

function login(role: string): Promise<TestSession> {
  const user = backing.users.find((candidate) => candidate.role === role);
  if (!user) throw new Error(`no ${role}`);
  return replica.login(user);
}

const newUser = { email: 'new@example.com', password: 'a long enough passphrase', role: 'reader' };

describe('bad input is refused by name, and nothing is bent', () => {
  test.each<[string, unknown, string[]]>([
    ['null', null, ['/']],
    ['a list', [], ['/']],
    ['a missing field', { email: 'a@example.com', role: 'reader' }, ['/password']],
    ['a number for text', { ...newUser, password: 12345678901234 }, ['/password']],
    ['text for an enumeration', { ...newUser, role: 'root' }, ['/role']],
    ['an unknown field', { ...newUser, id: 'x' }, ['/id']],
    ['no e-mail address', { ...newUser, email: 'nobody' }, ['/email']],
    ['too long an e-mail address', { ...newUser, email: `${'a'.repeat(250)}@example.com` }, ['/email']],
    ['a weak password', { ...newUser, password: 'password123456' }, ['/password']],
    ['a short password', { ...newUser, password: 'a1b2c3d4' }, ['/password']],
    ['a password of one letter', { ...newUser, password: 'a'.repeat(20) }, ['/password']],
    [
      'a password with the login name',
      { ...newUser, email: 'quentin@example.com', password: 'quentin-2026-x' },
      ['/password'],
    ],
    ['a password beyond 256 bytes', { ...newUser, password: '界'.repeat(100) }, ['/password']],
  ])('%s', async (_name, body, fields) => {
    const answer = await admin.send('POST', '/api/v1/users', { body: JSON.stringify(body) });
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toBe(problemType);
    expect(answer.json.errors.map(({ field }: { field: string }) => field)).toEqual(fields);
  });

  test.each<[string, string]>([
    ['malformed JSON', '{"email":'],
    ['__proto__', '{"__proto__":{"role":"admin"}}'],
    ['constructor.prototype', '{"constructor":{"prototype":{}}}'],
    ['nothing, announced as JSON', ''],
  ])('%s', async (_name, body) => {
    const answer = await admin.send('POST', '/api/v1/users', { body });
    expect(answer.status).toBe(400);
    expect(answer.text).not.toContain('__proto__');
  });

  test.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1&limit=2',
    'limit=true',
    'cursor=short',
    'unknown=1',
  ])('query %s', async (query) => {
    const answer = await admin.send('GET', `/api/v1/users?${query}`);
    expect(answer.status).toBe(400);
  });

  test('a number in a query is read from its text', async () => {
    const answer = await admin.send('GET', '/api/v1/users?limit=2');
    expect(answer.status).toBe(200);
    expect(answer.json.items).toHaveLength(2);
  });

  // Before: 2 MB of brackets took a second to parse and validate.
  test.each([
    ['POST', '/api/v1/auth/login'],
    ['POST', '/api/v1/auth/refresh'],
    ['POST', '/api/v1/auth/logout'],
    ['POST', '/api/v1/auth/password'],
    ['POST', '/api/v1/users'],
    ['PATCH', '/api/v1/users/AAAAAAAAAAAAAAAAAAAAAA'],
    ['POST', '/api/v1/cases'],
    ['PATCH', '/api/v1/cases/AAAAAAAAAAAAAAAAAAAAAA'],
    ['POST', '/api/v1/cases/search'],
    ['POST', '/api/v1/sync'],
  ])('brackets in brackets at %s %s', async (method, path) => {
    const at = (body: string) => admin.send(method, path, { body });
    for (const body of ['['.repeat(4_000), `${'{"a":['.repeat(9)}${']}'.repeat(9)}`]) {
      const answer = await at(body);
      expect([answer.status, answer.json.detail]).toEqual([400, 'The body has more than 16 levels']);
    }
    expect([400, 413]).toContain((await at('['.repeat(100_000))).status);
    // Brackets in text are no levels.
    expect((await at(`{"title":"\\"${'['.repeat(100)}","x":1}`)).json.detail).toBe(
      'The request does not match the schema',
    );
  });

  test('a body that is too large', async () => {
    const body = JSON.stringify({ ...newUser, password: 'p'.repeat(70_000) });
    expect((await admin.send('POST', '/api/v1/users', { body })).status).toBe(413);
    const small = JSON.stringify({ email: 'a@example.com', password: 'p'.repeat(5_000) });
    expect((await replica.send('POST', '/api/v1/auth/login', { body: small })).status).toBe(413);
  });
});

test.each([
  'text/plain',
  'application/xml',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json garbage',
  'application/json\tx',
  'text/json',
  '',
])('content type "%s" is not JSON', async (type) => {
  const answer = await replica.send('POST', '/api/v1/auth/login', {
    body: '{"email":"a@example.com","password":"x"}',
    headers: { 'content-type': type },
  });
  expect(answer.status).toBe(415);
  expect(answer.headers['content-type']).toBe(problemType);
});

test('every path says which methods it has', async () => {
  const { paths } = replica.service.api.openapi();
  for (const [template, item] of Object.entries(paths)) {
    const path = template.replace(/\{\w+\}/g, 'A'.repeat(22));
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (method.toLowerCase() in item) continue;
      const answer = await replica.send(method, path);
      expect([method, path, answer.status]).toEqual([method, path, 405]);
      const allow = String(answer.headers.allow).toLowerCase().split(', ');
      expect(allow).toEqual(expect.arrayContaining(Object.keys(item)));
      if ('get' in item) expect(allow).toContain('head');
    }
  }
});

test('HEAD is guarded and limited as GET is', async () => {
  expect((await replica.send('HEAD', '/api/v1/users')).status).toBe(401);
  expect((await caseworker.send('HEAD', '/api/v1/users')).status).toBe(403);
  const answer = await admin.send('HEAD', '/api/v1/users');
  expect([answer.status, answer.text]).toEqual([200, '']);
  expect(answer.headers).toHaveProperty('x-ratelimit-remaining');
});

test('unknown addresses are told nothing, carry every header and count against the limits', async () => {
  const answer = await replica.send('GET', '/nothing?token=canary-42');
  expect(answer.status).toBe(404);
  expect(answer.text).not.toContain('nothing?');
  expect(answer.text).not.toContain('canary');
  expect(answer.headers).toMatchObject(securityHeaders(true));
  expect(answer.headers).toHaveProperty('x-ratelimit-remaining');
  expect(answer.json.instance).toBe(answer.headers['x-request-id']);
});

test('routes are labels by their template, whatever URLs are tried', async () => {
  await Promise.all(Array.from({ length: 50 }, (_, i) => replica.send('GET', `/scan/${i}`)));
  const { text } = await replica.send('GET', '/metrics', { to: 'internal' });
  const series = text.split('\n').filter((line) => line.startsWith('http_requests_total{'));
  expect(series.some((line) => line.includes('/scan'))).toBe(false);
  expect(series.filter((line) => line.includes('route="unmatched"')).length).toBeLessThan(10);
});

describe('the id of a request', () => {
  test.each(['edge-1', 'A.b_c-9', 'x'.repeat(64)])('%s is kept from a trusted proxy', async (id) => {
    const answer = await replica.send('GET', '/health', { headers: { 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toBe(id);
  });

  test.each(['with space', 'x'.repeat(65), 'a/b', '{}'])('%s is replaced', async (id) => {
    const answer = await replica.send('GET', '/health', { headers: { 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('is never taken from a client that is no proxy', async () => {
    const direct = await backing.start();
    const answer = await direct.send('GET', '/health', { headers: { 'x-request-id': 'edge-1' } });
    expect(answer.headers['x-request-id']).not.toBe('edge-1');
  });
});

describe('other origins', () => {
  const preflight = (origin: string) =>
    replica.send('OPTIONS', '/api/v1/cases', {
      headers: { origin, 'access-control-request-method': 'POST' },
    });

  test('one on the list may read answers and send credentials', async () => {
    const asked = await preflight(ours);
    expect(asked.status).toBe(204);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': ours,
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    });
    const answer = await caseworker.send('GET', '/api/v1/auth/me', { headers: { origin: ours } });
    expect(answer.headers['access-control-allow-origin']).toBe(ours);
    expect(answer.headers['access-control-expose-headers']).toContain('retry-after');
  });

  test.each([
    'https://attacker.example',
    'null',
    'https://app.example.attacker.example',
    'http://app.example',
  ])('%s may not', async (origin) => {
    const asked = await preflight(origin);
    expect(asked.status).toBe(405);
    expect(asked.headers).not.toHaveProperty('access-control-allow-origin');
    const answer = await replica.send('GET', '/health', { headers: { origin } });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    expect(answer.headers.vary).toBe('Origin');
  });
});

test('the address is what a trusted proxy says, and only that', async () => {
  const direct = await backing.start();
  const remaining = async (service: TestService, forwarded: string) => {
    const answer = await service.send('GET', '/health', { headers: { 'x-forwarded-for': forwarded } });
    return Number(/"address";r=(\d+)/.exec(String(answer.headers.ratelimit))?.[1]);
  };
  // Through the proxy another address has its own quota; one /64 is one client.
  const first = await remaining(replica, '2001:db8:1:2::1');
  expect(await remaining(replica, '2001:db8:1:2:ffff::9')).toBe(first - 1);
  expect(await remaining(replica, '2001:db8:1:3::1')).toBe(first);
  // Without one, whatever is claimed, it is the address of the socket.
  const own = await remaining(direct, '203.0.113.1');
  expect(await remaining(direct, '203.0.113.2')).toBe(own - 1);
});

test('app/openapi.json is what runs', async () => {
  const { openApiText } = await import('../openapi.ts');
  const { readFileSync } = await import('node:fs');
  const written = readFileSync(new URL('../openapi.json', import.meta.url), 'utf8');
  expect(await openApiText(), 'run node cli/generate-openapi.ts').toBe(written);
  expect(replica.service.api.openapi()).toEqual(JSON.parse(written));
});
