import { randomBytes, randomUUID } from 'node:crypto';
import { type Check, type Context, type Operation, type Session, verdict } from '../check.ts';
import { type Answer, CouldNotCheck, notAProblem, parseJson, type Request } from '../client.ts';
import { caseServiceAccess } from '../expected.ts';
import { harmless, isOwnApi, roles, title, withConcreteIds } from '../operations.ts';

const cases = '/api/v1/cases';

export const rbacChecks: readonly Check[] = [
  {
    id: 'rbac-declared',
    group: 'rbac',
    control: 'ACC-1',
    expected:
      'the OpenAPI file gives each operation of the case service the roles that the checklist has, and makes no other public',
    remedy:
      'Set the route’s access back, or change the checklist in policies/verify/expected.ts with a review.',
    async run({ operations }) {
      if (!isOwnApi(operations)) throw new CouldNotCheck('the OpenAPI file describes another service');
      const wrong = operations.flatMap((operation) => {
        const wanted = caseServiceAccess.get(title(operation));
        if (wanted === undefined)
          return operation.access === 'public'
            ? [`${title(operation)}: public, and not in the checklist`]
            : [];
        const isWanted = String(wanted) === String(operation.access);
        return isWanted ? [] : [`${title(operation)}: ${operation.access} instead of ${wanted}`];
      });
      return verdict(wrong, `${operations.length} operations`);
    },
  },
  {
    id: 'rbac-anonymous',
    group: 'rbac',
    control: 'ACC-1',
    expected: 'every operation that is not public: 401 without a token and with a bad one',
    remedy: 'Declare access on every route and refuse by default.',
    async run({ send, operations }) {
      const wrong: string[] = [];
      const closed = withExpectedAccess(operations).filter(({ access }) => access !== 'public');
      for (const operation of closed)
        for (const [name, headers] of Object.entries({ none: {}, bad: { authorization: 'Bearer x.y.z' } })) {
          const request = harmless(operation);
          const answer = await send({
            ...request,
            headers: { ...(request.headers as Record<string, string>), ...headers },
          });
          if (answer.status !== 401 || notAProblem(answer))
            wrong.push(`${title(operation)} (${name}): ${answer.status}`);
        }
      if (closed.length === 0) wrong.push('no operation is closed');
      return verdict(wrong, `${closed.length} operations closed`);
    },
  },
  {
    id: 'rbac-roles',
    group: 'rbac',
    control: 'ACC-1',
    expected: 'every operation: 403 for each role without access, and neither 401 nor 403 for each with it',
    remedy: 'Check the role on the server, from the verified token, on every route.',
    async run(context) {
      const wrong: string[] = [];
      let tried = 0;
      for (const role of roles) {
        const session = await context.session(role);
        for (const operation of withExpectedAccess(context.operations)) {
          const { access } = operation;
          if (access === 'public' || /\/(logout|refresh|login)$/.test(operation.path)) continue;
          const { status } = await session.send(harmless(operation));
          tried += 1;
          const isAllowed = access.includes(role);
          if (status >= 500 || (isAllowed ? status === 401 || status === 403 : status !== 403))
            wrong.push(`${role} ${title(operation)}: ${status}`);
        }
      }
      if (tried === 0) wrong.push('no operation to try');
      return verdict(wrong, `${tried} decisions as expected`);
    },
  },
  {
    id: 'rbac-methods',
    group: 'rbac',
    control: 'ACC-4',
    expected: '405 with Allow for methods that a path does not have, TRACE included',
    remedy: 'Answer 405 and list the methods in Allow.',
    async run({ send, operations }) {
      const wrong: string[] = [];
      for (const path of new Set(operations.map((operation) => operation.path))) {
        const known = new Set(
          operations.filter((operation) => operation.path === path).map(({ method }) => method),
        );
        for (const method of ['PUT', 'TRACE', 'PATCH', 'DELETE'].filter((one) => !known.has(one))) {
          const answer = await send({ method, path: withConcreteIds(path) });
          const allow = answer.headers.get('allow') ?? '';
          if (answer.status !== 405 || ![...known].every((one) => allow.includes(one)))
            wrong.push(`${method} ${path}: ${answer.status}${allow ? ` Allow: ${allow}` : ''}`);
        }
      }
      return verdict(wrong, '405 with Allow');
    },
  },
  {
    id: 'rbac-other-owner',
    group: 'rbac',
    control: 'ACC-2',
    expected:
      'another user’s case is not read, written, deleted, listed, found, exported or synchronised: 404, and the case unchanged',
    remedy: 'Filter by owner in the query and answer 404.',
    needs: ['writes'],
    run: (context) => withCase(context, tryAsOthers),
  },
  {
    id: 'rbac-preconditions',
    group: 'rbac',
    control: 'ACC-2',
    expected: '412 for a change with the ETag of an older version, and no method override',
    remedy: 'Compare If-Match with the stored version, and read the method from the request line only.',
    needs: ['writes'],
    run: (context) =>
      withCase(context, async (owner, { path, etag }) => {
        const change = (tag: string): Promise<Answer> =>
          owner.send({ method: 'PATCH', path, headers: { 'if-match': tag }, body: '{"description":"b"}' });
        const first = await change(etag);
        const stale = await change(etag);
        await owner.send({
          path,
          headers: { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' },
        });
        const after = await owner.send({ path });
        return verdict(
          [
            ...(first.status === 200 ? [] : [`change ${first.status}`]),
            ...(stale.status === 412 ? [] : [`stale change ${stale.status}`]),
            ...(after.status === 200 ? [] : [`after an override: ${after.status}`]),
          ],
          '412',
        );
      }),
  },
  {
    id: 'rbac-mass-assignment',
    group: 'rbac',
    control: 'ACC-3',
    expected:
      '400 that names the field for fields that clients may not set: id, ownerId, version, createdAt, role',
    remedy: 'Allow-list the fields of each body and refuse the rest.',
    async run(context) {
      const session = await context.session('caseworker');
      const wrong: string[] = [];
      const forbidden = {
        id: randomUUID(),
        ownerId: randomUUID(),
        version: 9,
        createdAt: '2020-01-01T00:00:00Z',
        role: 'admin',
      };
      for (const [name, value] of Object.entries(forbidden)) {
        // The empty title makes sure that nothing is created where the field is accepted.
        const body = JSON.stringify({ title: '', [name]: value });
        const answer = await session.send({ method: 'POST', path: cases, body });
        const fields = JSON.stringify(parseJson(answer)?.errors ?? '');
        if (answer.status !== 400 || !fields.includes(name)) wrong.push(`${name}: ${answer.status}`);
      }
      return verdict(wrong, 'refused, each field named');
    },
  },
  {
    id: 'rbac-no-credentials',
    group: 'rbac',
    control: 'ACC-3',
    expected: 'accounts are answered without password, hash or token, to admins too',
    remedy: 'List the fields of the answer in its schema.',
    async run(context) {
      const answers = {
        me: await (await context.session('caseworker')).send({ path: '/api/v1/auth/me' }),
        users: await (await context.session('admin')).send({ path: '/api/v1/users' }),
      };
      const wrong = Object.entries(answers).flatMap(([name, { status, body }]) => [
        ...(status === 200 ? [] : [`${name}: ${status}`]),
        ...(/password|hash|\$argon2|\$2[aby]\$|secret|token/i.test(body)
          ? [`${name} holds a credential`]
          : []),
      ]);
      return verdict(wrong, 'none');
    },
  },
];

function withExpectedAccess(operations: readonly Operation[]): readonly Operation[] {
  if (!isOwnApi(operations)) return operations;
  return operations.map((one) => ({ ...one, access: caseServiceAccess.get(title(one)) ?? one.access }));
}

interface OwnedCase {
  readonly id: string;
  readonly path: string;
  readonly etag: string;
  readonly title: string;
}

/** Creates a case of the first caseworker, and deletes it afterwards. */
async function withCase<T>(
  context: Context,
  use: (owner: Session, owned: OwnedCase, context: Context) => Promise<T>,
): Promise<T> {
  const owner = await context.session('caseworker');
  const name = `security-verify ${randomBytes(6).toString('hex')}, may be deleted`;
  const created = await owner.send({ method: 'POST', path: cases, body: JSON.stringify({ title: name }) });
  const id = parseJson(created)?.id;
  if (created.status !== 201 || typeof id !== 'string')
    throw new CouldNotCheck(`the creation of a case is answered ${created.status}`);
  const path = `${cases}/${id}`;
  try {
    return await use(owner, { id, path, etag: created.headers.get('etag') ?? '"1"', title: name }, context);
  } finally {
    const etag = (await owner.send({ path })).headers.get('etag') ?? '"1"';
    await owner.send({ method: 'DELETE', path, headers: { 'if-match': etag } });
  }
}

/** Other refusals that reveal nothing: readers change no case, and a change of any version is refused for everybody. */
const exceptions: Readonly<Record<string, readonly number[]>> = {
  reader: [403],
  'write any version': [412, 428],
};

async function tryAsOthers(owner: Session, { id, path, etag, title: name }: OwnedCase, context: Context) {
  const other = await context.session('other');
  const change = (headers: Record<string, string>): Request => ({
    method: 'PATCH',
    path,
    headers,
    body: '{"title":"taken"}',
  });
  const byId: Readonly<Record<string, Answer>> = {
    read: await other.send({ path }),
    head: await other.send({ method: 'HEAD', path }),
    write: await other.send(change({ 'if-match': etag })),
    'write any version': await other.send(change({ 'if-match': '*' })),
    delete: await other.send({ method: 'DELETE', path, headers: { 'if-match': etag } }),
    reader: await (await context.session('reader')).send({ path }),
  };
  const text = name.split(',')[0];
  const ownerId = String(parseJson(await owner.send({ path }))?.ownerId);
  const inLists: Readonly<Record<string, Answer>> = {
    list: await other.send({ path: `${cases}?limit=100` }),
    'list of the owner': await other.send({ path: `${cases}?ownerId=${ownerId}` }),
    search: await other.send({ method: 'POST', path: `${cases}/search`, body: JSON.stringify({ text }) }),
    export: await other.send({ path: `${cases}/export` }),
    'export of the owner': await other.send({ path: `${cases}/export?ownerId=${ownerId}` }),
  };
  const operations = ['update', 'delete'].map((kind) => ({
    operationId: randomUUID(),
    kind,
    caseId: id,
    version: 1,
    ...(kind === 'update' ? { title: 'taken' } : {}),
  }));
  const sync = await other.send({
    method: 'POST',
    path: '/api/v1/sync',
    body: JSON.stringify({ operations }),
  });
  const after = parseJson(await owner.send({ path }))?.title;
  return verdict(
    [
      ...Object.entries(byId)
        .filter(([who, { status }]) => status !== 404 && !exceptions[who]?.includes(status))
        .map(([who, { status }]) => `${who} ${status}`),
      ...Object.entries(inLists)
        .filter(([, { body, status }]) => body.includes(id) || status >= 500)
        .map(([who, { status }]) => `${who} ${status} shows it`),
      ...(sync.body.includes('"applied"') ? ['sync applied'] : []),
      ...(after === name ? [] : ['it changed']),
    ],
    `404 for ${Object.keys(byId).join(', ')}; not in ${Object.keys(inLists).join(', ')}`,
  );
}
