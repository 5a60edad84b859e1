import fastify from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, type TestService } from '../../test/support/service.ts';
import { identityOf, requireDeclarations } from './access.ts';
import { type Role, roles } from './context.ts';
import { toProblem } from './errors.ts';

let backing: Backing;
let replica: TestService;

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start({ POLICIES_FILE: `${backing.dir}/policies.json` });
});
afterAll(() => backing.stop());

test.each<[string, object | undefined]>([
  ['nothing at all', undefined],
  ['no access', { rateLimit: 'default' }],
  ['no rate limit', { access: 'public' }],
  ['an empty list of roles', { access: [], rateLimit: 'default' }],
  ['a role that is none', { access: ['root'], rateLimit: 'default' }],
])('a route that declares %s stops the boot', (_name, config) => {
  const app = fastify();
  requireDeclarations(app);
  expect(() => app.get('/forgotten', config ? { config } : {}, async () => 'x')).toThrow(
    'GET /forgotten declares no access or rate limit',
  );
});

test('every route of the running API admits exactly the roles it declares', async () => {
  const sessions = new Map<Role, Awaited<ReturnType<TestService['login']>>>();
  for (const role of roles) {
    const user = backing.users.find((candidate) => candidate.role === role);
    if (user) sessions.set(role, await replica.login(user));
  }
  const { paths } = replica.service.api.openapi();
  let decisions = 0;
  for (const [template, item] of Object.entries(paths)) {
    const path = template.replace(/\{\w+\}/g, 'A'.repeat(22));
    for (const [method, { 'x-access': access }] of Object.entries(item)) {
      if (access === 'public' || path.endsWith('/logout')) continue;
      // A body that nothing takes: whoever is let in is told 4xx for it, and nothing is changed.
      const options =
        method === 'get' ? {} : { body: 'x', headers: { 'content-type': 'application/x-nothing' } };
      const nobody = await replica.send(method.toUpperCase(), path, options);
      expect([method, path, nobody.status]).toEqual([method, path, 401]);
      for (const [role, session] of sessions) {
        const { status } = await session.send(method.toUpperCase(), path, options);
        const refused = status === 401 || status === 403;
        expect([method, path, role, refused]).toEqual([method, path, role, !access.includes(role)]);
        expect(status).toBeLessThan(500);
        decisions += 1;
      }
    }
  }
  expect(decisions).toBeGreaterThan(30);
});

test('an identity is never assumed', () => {
  expect(() => identityOf({ identity: null } as never)).toThrow('Unauthorized');
});

test.each<[unknown, number]>([
  [undefined, 500],
  ['text', 500],
  [new Error('Connection is closed.'), 503],
  [Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' }), 503],
  [Object.assign(new Error('NOPERM this user'), { name: 'ReplyError' }), 500],
  [Object.assign(new Error('x'), { statusCode: 418 }), 418],
  [Object.assign(new Error('x'), { statusCode: 302 }), 500],
])('what is thrown becomes a problem: %s', (error, status) => {
  const problem = toProblem(error);
  expect(problem.status).toBe(status);
  expect(JSON.stringify(problem.body)).not.toContain('OOM');
});
