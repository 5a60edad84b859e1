import { randomUUID } from 'node:crypto';
import { type Answer, notAProblem, parseJson, type Request, send } from '../client.ts';
import type { Check, Operation, User } from '../types.ts';
import { CouldNotCheck } from '../types.ts';

/** Who may do what: every operation of the OpenAPI file, by every role, and by nobody. */

const roles = ['reader', 'caseworker', 'admin'] as const;

export const rbacChecks: readonly Check[] = [
  {
    id: 'rbac-anonymous',
    group: 'rbac',
    expected: 'every operation that is not public: 401 without a token and with a bad one',
    remedy: 'Declare access on every route and refuse by default.',
    references: ['ASVS 8.1.1', 'ASVS 8.2.1', 'ASVS 8.3.1', 'API2', 'API5'],
    async run(context) {
      const wrong: string[] = [];
      const closed = context.operations.filter(({ access }) => access !== 'public');
      for (const operation of closed)
        for (const [name, headers] of Object.entries({ none: {}, bad: { authorization: 'Bearer x.y.z' } })) {
          const answer = await send(context.target, { ...harmless(operation), headers });
          if (answer.status !== 401 || notAProblem(answer))
            wrong.push(`${title(operation)} (${name}): ${answer.status}`);
        }
      return {
        ok: closed.length > 0 && wrong.length === 0,
        observed: wrong.join('; ') || `${closed.length} operations closed`,
      };
    },
  },
  {
    id: 'rbac-roles',
    group: 'rbac',
    expected: 'every operation: 403 for each role without access, and neither 401 nor 403 for each with it',
    remedy: 'Check the role on the server, from the verified token, on every route.',
    references: ['ASVS 8.2.1', 'ASVS 8.3.1', 'API5'],
    async run(context) {
      const wrong: string[] = [];
      let tried = 0;
      for (const role of roles) {
        const session = await context.session(role);
        for (const operation of context.operations) {
          const { access } = operation;
          if (access === 'public' || endsSession(operation)) continue;
          const { status } = await session.send(harmless(operation));
          tried += 1;
          const allowed = access.includes(role);
          if (status === 429)
            throw new CouldNotCheck(`the ${role} is limited at the moment; try again in a minute`);
          if (status >= 500 || (allowed ? status === 401 || status === 403 : status !== 403))
            wrong.push(`${role} ${title(operation)}: ${status}`);
        }
      }
      return {
        ok: tried > 0 && wrong.length === 0,
        observed: wrong.join('; ') || `${tried} decisions as declared`,
      };
    },
  },
  {
    id: 'rbac-methods',
    group: 'rbac',
    expected: '405 with Allow for methods that a path does not have, TRACE and odd ones included',
    remedy: 'Answer 405 and list the methods in Allow.',
    references: ['ASVS 4.1.4', 'ASVS 13.4.4', 'RFC 9110'],
    async run({ target, operations }) {
      const wrong: string[] = [];
      for (const path of new Set(operations.map((operation) => operation.path))) {
        const known = new Set(
          operations.filter((operation) => operation.path === path).map(({ method }) => method),
        );
        for (const method of ['PUT', 'TRACE', 'PATCH', 'DELETE']) {
          if (known.has(method)) continue;
          const answer = await send(target, { method, path: concrete(path) });
          const allow = answer.headers.get('allow') ?? '';
          if (answer.status !== 405 || ![...known].every((one) => allow.includes(one)))
            wrong.push(`${method} ${path}: ${answer.status}${allow ? ` Allow: ${allow}` : ''}`);
        }
      }
      return { ok: wrong.length === 0, observed: wrong.slice(0, 6).join('; ') || '405 with Allow' };
    },
  },
  {
    id: 'rbac-other-owner',
    group: 'rbac',
    expected: '404 for another user’s case: read, write and delete; and the case unchanged',
    remedy: 'Filter by owner in the query and answer 404.',
    references: ['ASVS 8.2.2', 'ASVS 8.2.3', 'API1'],
    needs: ['writes'],
    async run(context) {
      const [owner, other] = [await context.session('caseworker'), await context.session('other')];
      const made = await owner.send({
        method: 'POST',
        path: '/api/v1/cases',
        body: '{"title":"security-verify, may be deleted"}',
      });
      const id = parseJson(made)?.id;
      if (made.status !== 201 || typeof id !== 'string')
        throw new CouldNotCheck(`creating a case brought ${made.status}`);
      const path = `/api/v1/cases/${id}`;
      try {
        const etag = made.headers.get('etag') ?? '"1"';
        const tries: Record<string, Answer> = {
          read: await other.send({ path }),
          head: await other.send({ method: 'HEAD', path }),
          write: await other.send({
            method: 'PATCH',
            path,
            headers: { 'if-match': etag },
            body: '{"title":"taken"}',
          }),
          delete: await other.send({ method: 'DELETE', path, headers: { 'if-match': etag } }),
          reader: await (await context.session('reader')).send({ path }),
        };
        const wrong = Object.entries(tries).filter(
          ([name, { status }]) => status !== 404 && !(name === 'reader' && status === 403),
        );
        const after = parseJson(await owner.send({ path }))?.title;
        const observed = Object.entries(tries).map(([name, { status }]) => `${name} ${status}`);
        const unchanged = after === 'security-verify, may be deleted';
        return {
          ok: wrong.length === 0 && unchanged,
          observed: `${observed.join(', ')}${unchanged ? '' : ', and it changed'}`,
        };
      } finally {
        await owner.send({ method: 'DELETE', path, headers: { 'if-match': await currentTag(owner, path) } });
      }
    },
  },
  {
    id: 'rbac-mass-assignment',
    group: 'rbac',
    expected: '400 for fields that are not the client’s to set: id, ownerId, version, createdAt, role',
    remedy: 'Allow-list the fields of each body and refuse the rest.',
    references: ['ASVS 15.3.3', 'API3'],
    async run(context) {
      const session = await context.session('caseworker');
      const wrong: string[] = [];
      const odd = {
        id: randomUUID(),
        ownerId: randomUUID(),
        version: 9,
        createdAt: '2020-01-01T00:00:00Z',
        role: 'admin',
      };
      for (const [name, value] of Object.entries(odd)) {
        // The title is empty on purpose: where the field were let through, nothing would be made.
        const answer = await session.send({
          method: 'POST',
          path: '/api/v1/cases',
          body: JSON.stringify({ title: '', [name]: value }),
        });
        const fields = JSON.stringify(parseJson(answer)?.errors ?? '');
        if (answer.status !== 400 || !fields.includes(name)) wrong.push(`${name}: ${answer.status}`);
      }
      return { ok: wrong.length === 0, observed: wrong.join('; ') || 'refused, each field named' };
    },
  },
];

async function currentTag(
  session: { send(request: Request): Promise<Answer> },
  path: string,
): Promise<string> {
  return (await session.send({ path })).headers.get('etag') ?? '"1"';
}

/** A request that is allowed or refused for its sender alone, and changes nothing when it is allowed. */
export function harmless(operation: Operation): Request {
  const path = concrete(operation.path);
  if (operation.method === 'GET' || operation.method === 'HEAD') return { method: operation.method, path };
  if (!operation.body) return { method: operation.method, path, headers: { 'if-match': '"0"' } };
  // A body of a type that nothing takes: who may come in is told 400 or 415.
  return { method: operation.method, path, headers: { 'content-type': 'application/x-nothing' }, body: 'x' };
}

/** A path without templates: an id that does not exist. */
function concrete(path: string): string {
  return path.replaceAll(/\{[^}]+\}/g, randomUUID());
}

function endsSession({ path }: Operation): boolean {
  return path.endsWith('/logout') || path.endsWith('/refresh') || path.endsWith('/login');
}

function title({ method, path }: Operation): string {
  return `${method} ${path}`;
}

/** Operations of an OpenAPI document; `x-access` says who, else `security`. */
export function operationsOf(document: unknown): readonly Operation[] {
  const { paths = {}, security } = document as {
    paths?: Record<string, Record<string, OpenApiOperation>>;
    security?: readonly unknown[];
  };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => /^(get|put|post|delete|patch|head)$/.test(method))
      .map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        access: accessOf(operation, security),
        body: operation.requestBody !== undefined,
      })),
  );
}

interface OpenApiOperation {
  readonly requestBody?: unknown;
  readonly security?: readonly unknown[];
  readonly 'x-access'?: 'public' | readonly string[];
}

function accessOf(
  operation: OpenApiOperation,
  inherited: readonly unknown[] | undefined,
): Operation['access'] {
  const declared = operation['x-access'];
  if (declared !== undefined) return declared;
  return (operation.security ?? inherited ?? []).length === 0 ? 'public' : roles;
}

/** Users of the file, checked. */
export function parseUsers(text: string): readonly User[] {
  const value = JSON.parse(text) as unknown;
  const valid = (one: Partial<User>): boolean =>
    typeof one.email === 'string' && typeof one.password === 'string' && roles.includes(one.role as never);
  if (!Array.isArray(value) || value.length === 0 || !value.every(valid))
    throw new CouldNotCheck(
      'the users file is no JSON list of {email, password, role: reader|caseworker|admin}',
    );
  return value as User[];
}
