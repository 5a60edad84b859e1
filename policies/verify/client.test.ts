import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  CouldNotCheck,
  hostHeader,
  notAProblem,
  parseAnswers,
  parseTarget,
  send,
  type Target,
} from './client.ts';
import { forgeries } from './forge.ts';
import { operationsOf, parseUsers } from './operations.ts';

// Answers with the text of the request's path.
const canned: Record<string, string> = {
  '/chunks':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab\u00c3\u00a9\r\n2\r\ncd\r\n0\r\n\r\n',
  '/two': 'HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  '/interim': 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nX-A: 1\r\nX-A: 2\r\n\r\n',
  '/nothing': '',
};
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', (data) => {
    const path = data.toString('latin1').split(' ')[1] ?? '';
    if (path === '/reset') socket.resetAndDestroy();
    else if (path === '/open') socket.write('HTTP/1.1 200 OK\r\n\r\n');
    else if (path !== '/silent') socket.end(Buffer.from(canned[path] ?? '', 'latin1'));
  });
});
let target: Target;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  target = {
    host: '127.0.0.1',
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    tls: false,
    ca: undefined,
  };
});
afterAll(() => {
  server.close();
});

test('joins chunked bodies and decodes them as UTF-8', async () => {
  const { status, body, answers } = await send(target, { path: '/chunks' });
  expect([status, body, answers]).toEqual([200, 'abécd', 1]);
});

test('counts two answers to one request', async () => {
  expect(await send(target, { path: '/two' })).toMatchObject({ status: 400, body: '{}', answers: 2 });
});

test('skips interim answers and keeps repeated headers', async () => {
  const { status, headers } = await send(target, { path: '/interim' });
  expect([status, headers.get('x-a')]).toEqual([204, '1\n2']);
});

test('reports that it could not check a peer that does not answer', async () => {
  await expect(send(target, { path: '/nothing' })).rejects.toThrow(CouldNotCheck);
  await expect(send({ ...target, port: 1 }, {})).rejects.toThrow('ECONNREFUSED');
});

test('reads an open connection until the time-out, and reports a reset', async () => {
  await expect(send(target, { path: '/silent', timeoutMs: 50 })).rejects.toThrow('no answer within 50 ms');
  expect(await send(target, { path: '/open', timeoutMs: 50 })).toMatchObject({ status: 200, answers: 1 });
  await expect(send(target, { path: '/reset' })).rejects.toThrow('ECONNRESET');
});

test('connects to --connect and sends the host’s own name', async () => {
  const { port } = target;
  const elsewhere = parseTarget('http://api.example', undefined, `127.0.0.1:${port}`);
  expect((await send(elsewhere, { path: '/two' })).status).toBe(400);
  expect(hostHeader(elsewhere)).toBe('api.example:80');
  expect(() => parseTarget('http://api.example', undefined, 'nowhere')).toThrow(
    '--connect nowhere is not HOST:PORT',
  );
});

test('reads a truncated answer as far as it goes', () => {
  expect(parseAnswers('HTTP/1.1 200 OK\r\nContent-Le')).toEqual([]);
  expect(parseAnswers('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')[0]?.body).toBe('abc');
  expect(parseAnswers('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz')[0]?.body).toBe('');
  // To HEAD: the length of a body that does not come.
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n';
  expect(parseAnswers(`${head}${head}`).map(({ body }) => body)).toEqual(['', '']);
});

test.each([
  ['https://localhost', 443, true],
  ['http://localhost', 80, false],
  ['https://[::1]:8443', 8443, true],
])('accepts %s as a target', (url, port, tls) => {
  expect(parseTarget(url)).toMatchObject({ port, tls });
});

test.each(['ftp://localhost', 'https://localhost/api'])('refuses %s as a target', (url) => {
  expect(() => parseTarget(url)).toThrow(CouldNotCheck);
});

test('puts an IPv6 host in brackets', () => {
  expect(hostHeader(parseTarget('https://[::1]:8443'))).toBe('[::1]:8443');
});

test('recognises a problem document by type, title and status', () => {
  const answer = (type: string, body: string) => ({
    status: 404,
    headers: new Map([['content-type', type]]),
    body,
    answers: 1,
  });
  expect(
    notAProblem(answer('application/problem+json; charset=utf-8', '{"status":404,"title":"Not Found"}')),
  ).toBeNull();
  expect(notAProblem(answer('text/html', ''))).toBe('text/html');
  expect(notAProblem(answer('application/problem+json', '{"status":400,"title":"x"}'))).toBe(
    'not a problem document',
  );
  expect(notAProblem({ ...answer('', ''), headers: new Map() })).toBe('no content type');
});

test('forges more than 60 tokens under different names, none of them genuine', () => {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { exp: 1, iat: 1, iss: 'https://i', aud: 'a', sub: 's', jti: 'j', role: 'reader' };
  const token = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid: 'k' })}.${encode(claims)}.${'B'.repeat(86)}`;
  const jwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) as Record<string, unknown>;
  const all = forgeries(token, jwk, null);
  expect(all.length).toBeGreaterThanOrEqual(60);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const { authorization } of all)
    if (authorization.length === 1) expect(authorization[0]).not.toBe(`Bearer ${token}`);
});

test('reads access from x-access, else from security', () => {
  const document = {
    security: [{ bearer: [] }],
    paths: {
      '/a': { get: { 'x-access': ['admin'] }, post: { security: [], requestBody: {} }, parameters: [] },
      '/b': { delete: {} },
    },
  };
  expect(operationsOf(document)).toEqual([
    { method: 'GET', path: '/a', access: ['admin'], body: false },
    { method: 'POST', path: '/a', access: 'public', body: true },
    { method: 'DELETE', path: '/b', access: ['reader', 'caseworker', 'admin'], body: false },
  ]);
});

test.each(['[]', '{}', '[{"email":"a"}]', '[{"email":"a","password":"b","role":"root"}]'])(
  'refuses %s as a users file',
  (text) => {
    expect(() => parseUsers(text)).toThrow(CouldNotCheck);
  },
);
