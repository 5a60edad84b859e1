import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Operation } from '../../policies/verify/check.ts';
import { contentTypes, framings } from '../../policies/verify/checks/leakage.ts';
import { hostHeader, notAProblem, type Request, send, type Target } from '../../policies/verify/client.ts';
import { type RunningService, startRunningService } from '../../policies/verify/fixtures/running-service.ts';
import { harmless, operationsOf } from '../../policies/verify/operations.ts';
import type { TestService, TestSession } from '../support/service.ts';

/** Access, ownership and input, over the running service's own route table: no list is written by hand. */

const verbs = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const;
const roles = ['reader', 'caseworker', 'admin'] as const;

let running: RunningService;
let service: TestService;
let api: Target;
let operations: readonly Operation[];
const sessions = new Map<string, TestSession>();

beforeAll(async () => {
  running = await startRunningService();
  service = await running.backing.start({ POLICIES_FILE: join(running.backing.dir, 'policies.json') });
  api = { ...running.api, port: service.ports.api };
  operations = operationsOf(service.service.api.openapi());
  for (const role of roles) {
    const user = running.backing.users.find((one) => one.role === role);
    if (user) sessions.set(role, await service.login(user));
  }
});
afterAll(() => running.stop());

function as(role: string, request: Request): Promise<Awaited<ReturnType<typeof send>>> {
  const token = sessions.get(role)?.accessToken;
  return send(api, {
    ...request,
    headers: {
      ...(request.headers as Record<string, string>),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
  });
}

test('the route table has the routes of the contract', () => {
  const paths = new Set(operations.map(({ path }) => path));
  for (const path of [
    '/api/v1/cases',
    '/api/v1/cases/{id}',
    '/api/v1/users/{id}',
    '/api/v1/sync',
    '/api/v1/auth/login',
  ])
    expect(paths).toContain(path);
});

test('role × route × verb: everybody gets what the route declares, and nothing else', async () => {
  const wrong: string[] = [];
  let tried = 0;
  for (const path of new Set(operations.map((operation) => operation.path)))
    for (const verb of verbs) {
      // A HEAD goes wherever a GET does.
      const operation = operations.find(
        (one) => one.path === path && one.method === (verb === 'HEAD' ? 'GET' : verb),
      );
      // What ends or makes a session would take it from the tries that follow.
      if (operation && /(logout|refresh|login)$/.test(path)) continue;
      for (const role of ['nobody', ...roles]) {
        const request = operation
          ? { ...harmless(operation), method: verb }
          : { method: verb, path: path.replace('{id}', randomId()) };
        const answer = await as(role, request);
        tried += 1;
        const said = wrongAnswer(operation, role, answer.status, answer.headers.get('allow'));
        const problem = verb !== 'HEAD' && answer.status >= 400 ? notAProblem(answer) : null;
        if (said ?? problem) wrong.push(`${role} ${verb} ${path}: ${said ?? problem}`);
      }
    }
  expect(wrong).toEqual([]);
  expect(tried).toBeGreaterThan(400);
});

function wrongAnswer(
  operation: Operation | undefined,
  role: string,
  status: number,
  allow: string | undefined,
): string | null {
  if (!operation) return status === 405 && allow ? null : `${status} for a verb that the path does not have`;
  if (status >= 500 || status === 405) return String(status);
  if (operation.access === 'public')
    return status === 401 || status === 403 ? `${status} on a public route` : null;
  if (role === 'nobody') return status === 401 ? null : `${status} without a token`;
  if (!operation.access.includes(role)) return status === 403 ? null : `${status} for a role without access`;
  return status === 401 || status === 403 ? `${status} for a role with access` : null;
}

test('two users × every id route × every verb: other people’s cases do not exist', async () => {
  const [, first, second] = await running.freshUsers();
  const owner = await service.login(first as never);
  const other = await service.login(second as never);
  const wrong: string[] = [];
  for (const operation of operations.filter(({ path }) => path.startsWith('/api/v1/cases/{'))) {
    for (const method of operation.method === 'GET' ? ['GET', 'HEAD'] : [operation.method]) {
      const { json } = await owner.send('POST', '/api/v1/cases', { body: { title: 'mine' } });
      const options = {
        headers: { 'if-match': '"1"' },
        ...(operation.body ? { body: { title: 'taken' } } : {}),
      };
      const path = operation.path.replace('{id}', json.id);
      const answer = await other.send(method, path, options);
      const after = await owner.send('GET', `/api/v1/cases/${json.id}`);
      if (answer.status !== 404) wrong.push(`${method} ${path}: ${answer.status}`);
      if (after.json.title !== 'mine' || after.json.version !== 1) wrong.push(`${method} ${path} changed it`);
    }
  }
  expect(wrong).toEqual([]);
  const listed = await other.send('GET', '/api/v1/cases?limit=100');
  expect(listed.json.items).toEqual([]);
  const found = await other.send('POST', '/api/v1/cases/search', { body: { text: 'mine' } });
  expect(found.text).not.toContain('mine"');
});

test('content types × every route with a body: only application/json is understood', async () => {
  const wrong: string[] = [];
  const bodies = operations.filter(({ body, path }) => body && !/(logout|refresh)$/.test(path));
  expect(bodies.length).toBeGreaterThan(5);
  for (const operation of bodies)
    for (const type of contentTypes) {
      const { status } = await as('admin', {
        ...harmless(operation),
        headers: { 'content-type': type },
        body: '{"title":"x"}',
      });
      if (status !== 415) wrong.push(`${operation.method} ${operation.path} ${type}: ${status}`);
    }
  expect(wrong).toEqual([]);
});

describe('framing: every ambiguous request brings one refusal, and nothing behind it runs', () => {
  test.each(Object.keys(framings('')))('%s', async (name) => {
    const raw = framings(hostHeader(api))[name] ?? '';
    const answer = await send(api, { raw, timeoutMs: 4_000 });
    expect(answer.answers).toBe(1);
    expect([400, 501]).toContain(answer.status);
    expect(notAProblem(answer)).toBeNull();
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });
});

test.each([
  ['null', null],
  ['true', true],
  ['"3"', '3'],
  ['a list', [3]],
  ['an object', {}],
  ['half a number', 0.5],
])('%s for a number in a body: 400, and the field is named', async (_what, remaining) => {
  const answer = await as('caseworker', {
    method: 'POST',
    path: '/api/v1/sync',
    body: JSON.stringify({ operations: [], remaining }),
  });
  expect(answer.status).toBe(400);
  expect(answer.body).toContain('remaining');
});

test.each(['id', 'ownerId', 'version', 'createdAt', 'updatedAt', 'role', '__proto__', 'constructor'])(
  'mass assignment of %s: 400, and nothing is made',
  async (field) => {
    const body = `{"title":"x","${field}":{"prototype":{}}}`;
    const before = (await sessions.get('caseworker')?.send('GET', '/api/v1/cases'))?.json.items.length;
    expect((await as('caseworker', { method: 'POST', path: '/api/v1/cases', body })).status).toBe(400);
    expect((await sessions.get('caseworker')?.send('GET', '/api/v1/cases'))?.json.items.length).toBe(before);
  },
);

test.each([
  'limit=1&limit=2',
  'limit=abc',
  'limit=0',
  'limit=101',
  'limit=1e9',
  'cursor=%00',
  'unknown=1',
  '__proto__[a]=1',
])('query %s: 400', async (query) => {
  expect((await as('caseworker', { path: `/api/v1/cases?${query}` })).status).toBe(400);
});

test('answers hold the fields of the contract only', async () => {
  const me = await sessions.get('caseworker')?.send('GET', '/api/v1/auth/me');
  expect(Object.keys(me?.json).sort()).toEqual(['createdAt', 'disabled', 'email', 'id', 'role']);
  const made = await sessions.get('caseworker')?.send('POST', '/api/v1/cases', { body: { title: 'x' } });
  const fields = ['createdAt', 'description', 'id', 'ownerId', 'status', 'title', 'updatedAt', 'version'];
  expect(Object.keys(made?.json).sort()).toEqual(fields);
});

test('every string, number and list that a client may send has a bound', () => {
  const loose: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    const {
      type,
      maxLength,
      pattern,
      enum: values,
      const: one,
      format,
      maximum,
      maxItems,
    } = value as Record<string, unknown>;
    const text =
      type === 'string' && [maxLength, pattern, values, one, format].every((bound) => bound === undefined);
    const number = (type === 'integer' || type === 'number') && maximum === undefined;
    const list = type === 'array' && maxItems === undefined;
    if (text || number || list) loose.push(path);
    for (const [key, inner] of Object.entries(value)) walk(inner, `${path}/${key}`);
  };
  for (const [path, item] of Object.entries(service.service.api.openapi().paths))
    for (const [method, operation] of Object.entries(item)) {
      walk(operation.requestBody, `${method} ${path} body`);
      walk(operation.parameters, `${method} ${path} parameters`);
    }
  expect(loose).toEqual([]);
});

function randomId(): string {
  return randomBytes(16).toString('base64url');
}
