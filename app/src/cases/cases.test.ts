import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Backing, startBacking, type TestService, type TestSession } from '../../test/service.ts';

let backing: Backing;
let first: TestService;
let second: TestService;
let alice: TestSession;
let bob: TestSession;
let admin: TestSession;

beforeAll(async () => {
  backing = await startBacking();
  const policies = { POLICIES_FILE: `${backing.dir}/policies.json` };
  [first, second] = [await backing.start(policies), await backing.start(policies)];
  const caseworkers = backing.users.filter(({ role }) => role === 'caseworker');
  alice = await first.login(caseworkers[0] as (typeof caseworkers)[0]);
  bob = await first.login(caseworkers[1] as (typeof caseworkers)[0]);
  admin = await first.login(backing.user('admin'));
}, 60_000);
afterAll(() => backing.stop());

const create = async (session: TestSession, over: object = {}) =>
  (await session.send('POST', '/api/v1/cases', { body: { title: 'A case', ...over } })).json;
const tag = (version: number) => ({ 'if-match': `"${version}"` });
const on = (service: TestService, session: TestSession) => ({
  send: (method: string, path: string, options: object = {}) =>
    service.send(method, path, { ...options, token: session.accessToken }),
});

describe('a case', () => {
  test('is created, read on another replica, changed, and deleted', async () => {
    const made = await alice.send('POST', '/api/v1/cases', {
      body: { title: 'Broken lamp', description: 'Hall 3', status: 'in_progress' },
    });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      title: 'Broken lamp',
      description: 'Hall 3',
      status: 'in_progress',
      version: 1,
    });
    const at = String(made.headers.location);
    const read = await on(second, alice).send('GET', at);
    expect([read.status, read.headers.etag, read.json]).toEqual([200, '"1"', made.json]);
    const changed = await on(second, alice).send('PATCH', at, {
      body: { status: 'closed' },
      headers: tag(1),
    });
    expect(changed.json).toMatchObject({
      title: 'Broken lamp',
      status: 'closed',
      version: 2,
      createdAt: made.json.createdAt,
    });
    // The first replica had a copy of version 1.
    expect((await alice.send('GET', at)).json).toEqual(changed.json);
    expect((await alice.send('DELETE', at, { headers: tag(1) })).status).toBe(412);
    expect((await alice.send('DELETE', at, { headers: tag(2) })).status).toBe(204);
    expect((await on(second, alice).send('GET', at)).status).toBe(404);
  });

  test('does not exist for anybody but its owner and admins', async () => {
    const { id } = await create(alice);
    for (const [method, options] of [
      ['GET', {}],
      ['PATCH', { body: { title: 'x' }, headers: tag(1) }],
      ['DELETE', {}],
    ] as const) {
      expect((await bob.send(method, `/api/v1/cases/${id}`, options)).status).toBe(404);
    }
    expect((await admin.send('GET', `/api/v1/cases/${id}`)).json.id).toBe(id);
    expect((await bob.send('GET', `/api/v1/cases?ownerId=${(await create(alice)).ownerId}`)).status).toBe(
      403,
    );
    expect(
      (await admin.send('GET', `/api/v1/cases?ownerId=${(await create(alice)).ownerId}`)).json.items.length,
    ).toBeGreaterThan(1);
  });

  test('loses no update: of many at once with the same version one wins', async () => {
    const { id } = await create(alice);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        on(i % 2 ? first : second, alice).send('PATCH', `/api/v1/cases/${id}`, {
          body: { title: `Title ${i}` },
          headers: tag(1),
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(19);
    const winner = answers.find(({ status }) => status === 200);
    expect((await alice.send('GET', `/api/v1/cases/${id}`)).json).toEqual(winner?.json);
  });

  test('is changed only by who says which version they saw', async () => {
    const { id } = await create(alice);
    const change = (headers: Record<string, string>) =>
      alice.send('PATCH', `/api/v1/cases/${id}`, { body: { title: 'x' }, headers });
    expect((await change({})).status).toBe(428);
    expect((await change({ 'if-match': '*' })).status).toBe(428);
    expect((await change({ 'if-match': 'W/"1"' })).status).toBe(412);
    expect((await change({ 'if-match': '"7"' })).headers.etag).toBe('"1"');
  });

  test.each([
    ['no title', {}, '/title'],
    ['an empty title', { title: '' }, '/title'],
    ['a long title', { title: 'x'.repeat(201) }, '/title'],
    ['a number for a title', { title: 3 }, '/title'],
    ['null for a description', { title: 'x', description: null }, '/description'],
    ['an unknown status', { title: 'x', status: 'done' }, '/status'],
    ['what the service sets', { title: 'x', ownerId: 'me' }, '/ownerId'],
    ['a version', { title: 'x', version: 3 }, '/version'],
  ])('is refused with %s, and the field is named', async (_, body, field) => {
    const answer = await alice.send('POST', '/api/v1/cases', { body });
    expect([answer.status, answer.json.errors?.[0]?.field]).toEqual([400, field]);
  });

  test.each(['x', 'zzzzzzzzz.short', '!', 'a'.repeat(200)])(
    'a cursor that is none (%s) is refused',
    async (cursor) => {
      expect((await alice.send('GET', `/api/v1/cases?cursor=${encodeURIComponent(cursor)}`)).status).toBe(
        400,
      );
    },
  );
});

describe('many cases', () => {
  test('are listed in pages, newest first, each once', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) ids.unshift((await create(bob, { title: `Number ${i}` })).id);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { json } = await bob.send('GET', `/api/v1/cases?limit=3${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...json.items.map(({ id }: { id: string }) => id));
      cursor = json.nextCursor;
    }
    expect(seen.slice(0, 7).sort()).toEqual([...ids].sort());
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('are found by what their text contains, whatever its case, page by page', async () => {
    for (let i = 0; i < 5; i++)
      await create(bob, { title: `Straße ${i}`, status: i === 2 ? 'closed' : 'open' });
    const search = async (body: object) => (await bob.send('POST', '/api/v1/cases/search', { body })).json;
    expect((await search({ text: 'STRASSE' })).items).toHaveLength(0);
    expect((await search({ text: 'straße' })).items).toHaveLength(5);
    expect((await search({ text: 'straße', status: 'closed' })).items).toHaveLength(1);
    const page = await search({ text: 'straße', limit: 2 });
    const next = await search({ text: 'straße', limit: 2, cursor: page.nextCursor });
    expect(new Set([...page.items, ...next.items].map(({ id }) => id)).size).toBe(4);
  });

  test('are exported as lines, all of them', async () => {
    const before = (await bob.send('GET', '/api/v1/cases?limit=100')).json.items.length;
    const { status, headers, text } = await bob.send('GET', '/api/v1/cases/export');
    expect([status, headers['content-type']]).toEqual([200, 'application/x-ndjson; charset=utf-8']);
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).id),
    ).toHaveLength(before);
  });
});

describe('synchronisation', () => {
  const id = () => randomUUID().replaceAll('-', '').slice(0, 22);
  const sync = (session: TestSession, operations: object[], more: object = {}) =>
    session.send('POST', '/api/v1/sync', { body: { operations, ...more } });

  test('applies operations in order, each once, and says what conflicts', async () => {
    const caseId = id();
    const operations = [
      { operationId: randomUUID(), caseId, kind: 'create', title: 'Offline' },
      {
        operationId: randomUUID(),
        caseId,
        kind: 'update',
        version: 1,
        status: 'closed',
        queuedAt: new Date(Date.now() - 5_000).toISOString(),
      },
      { operationId: randomUUID(), caseId, kind: 'update', version: 1, title: 'Too late' },
      { operationId: randomUUID(), caseId: id(), kind: 'delete', version: 1 },
    ];
    const outcome = async () =>
      (await sync(alice, operations)).json.results.map(
        ({ result, version }: { result: string; version: number | null }) => [result, version],
      );
    expect(await outcome()).toEqual([
      ['applied', 1],
      ['applied', 2],
      ['conflict', 2],
      ['rejected', null],
    ]);
    expect(await outcome()).toEqual([
      ['duplicate', 1],
      ['duplicate', 2],
      ['conflict', 2],
      ['rejected', null],
    ]);
    expect((await alice.send('GET', `/api/v1/cases/${caseId}`)).json).toMatchObject({
      title: 'Offline',
      status: 'closed',
      version: 2,
    });
  });

  test('of the same operations on both replicas at once applies each once', async () => {
    const operations = Array.from({ length: 30 }, () => ({
      operationId: randomUUID(),
      caseId: id(),
      kind: 'create',
      title: 'Twice',
    }));
    const results: string[] = [];
    await Promise.all(
      [first, second].map(async (service) => {
        for (;;) {
          const answer = await on(service, alice).send('POST', '/api/v1/sync', { body: { operations } });
          // One at a time: the other one is told to come again.
          if (answer.status === 409) continue;
          results.push(...answer.json.results.map(({ result }: { result: string }) => result));
          return;
        }
      }),
    );
    expect(results.filter((result) => result === 'applied')).toHaveLength(30);
    expect(results.filter((result) => result === 'duplicate')).toHaveLength(30);
  });

  test("cannot take another user's case by its id", async () => {
    const { id: caseId } = await create(alice);
    const operations = [
      { operationId: randomUUID(), caseId, kind: 'create', title: 'Mine' },
      { operationId: randomUUID(), caseId, kind: 'update', version: 1, title: 'Mine' },
    ];
    expect(
      (await sync(bob, operations)).json.results.map(({ result }: { result: string }) => result),
    ).toEqual(['conflict', 'rejected']);
    expect((await alice.send('GET', `/api/v1/cases/${caseId}`)).json.title).toBe('A case');
  });

  test('tells the depth of the queue, by account, and forgets it once drained', async () => {
    await sync(bob, [], { remaining: 12 });
    const depth = async () => second.metric('offline_sync_queue_depth');
    expect(await depth()).toBeGreaterThanOrEqual(12);
    expect((await bob.send('GET', '/api/v1/sync/status')).json).toMatchObject({ depth: 12 });
    await sync(bob, []);
    expect(await depth()).toBe(0);
  });

  test.each([
    [
      'too many operations',
      {
        operations: Array.from({ length: 501 }, () => ({
          operationId: 'x'.repeat(8),
          caseId: 'x'.repeat(22),
          kind: 'delete',
          version: 1,
        })),
      },
    ],
    [
      'an unknown kind',
      { operations: [{ operationId: 'x'.repeat(8), caseId: 'x'.repeat(22), kind: 'merge' }] },
    ],
    [
      'an update without a version',
      { operations: [{ operationId: 'x'.repeat(8), caseId: 'x'.repeat(22), kind: 'update', title: 'x' }] },
    ],
    ['a negative rest', { operations: [], remaining: -1 }],
  ])('refuses %s whole', async (_, body) => {
    expect((await alice.send('POST', '/api/v1/sync', { body })).status).toBe(400);
  });

  test('says of an update that changes nothing what it lacks, and of a wrong operation only what is wrong with it', async () => {
    const operation = { operationId: 'operation-empty', caseId: id(), kind: 'update', version: 1 };
    const errors = async (over: object) =>
      (await sync(alice, [{ ...operation, queuedAt: '2026-01-01T00:00:00Z', ...over }])).json.errors;
    expect(await errors({})).toEqual([
      { field: '/operations/0', message: 'must have at least one of title, description, status' },
    ]);
    expect(await errors({ kind: 'delete', version: 0 })).toEqual([
      { field: '/operations/0/version', message: 'must be >= 1' },
    ]);
    expect(await errors({ kind: 'rename' })).toHaveLength(1);
  });

  test('stops when another synchronisation took its lock over, and goes on when it is sent again', async () => {
    const { ownerId } = await create(bob);
    const lock = `cs:v1:{o:${ownerId}}:sync-lock`;
    const operations = Array.from({ length: 500 }, (_, i) => ({
      operationId: `taken-over-${i}`,
      caseId: id(),
      kind: 'create',
      title: `Case ${i}`,
    }));
    const redis = first.service.context.data;
    const running = sync(bob, operations);
    while ((await redis.set(lock, 'another', 'EX', 30, 'XX')) === null);
    const answer = await running;
    expect(answer.status).toBe(409);
    expect(answer.headers['retry-after']).toBe('1');
    // Not ours to release.
    expect(await redis.get(lock)).toBe('another');
    await redis.del(lock);
    const results = (await sync(bob, operations)).json.results as { result: string }[];
    const count = (wanted: string) => results.filter(({ result }) => result === wanted).length;
    expect(count('applied')).toBeGreaterThan(0);
    expect(count('applied') + count('duplicate')).toBe(500);
  });

  test('behaves as a list of cases would, whatever is done in whatever order', async () => {
    const caseIds = [id(), id(), id()];
    const operation = fc.record({
      which: fc.nat(2),
      kind: fc.constantFrom('create', 'update', 'delete'),
      version: fc.integer({ min: 1, max: 3 }),
      again: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 12 }), async (steps) => {
        const model = new Map<string, number>();
        const applied = new Map<string, number>();
        const round = id();
        const own = caseIds.map((caseId, i) => `${round.slice(0, 20)}${i}${caseId.slice(0, 1)}`);
        const operations: object[] = [];
        const expected: [string, number | null][] = [];
        let last = randomUUID();
        for (const { which, kind, version, again } of steps) {
          const operationId = again ? last : randomUUID();
          const caseId = own[which] ?? '';
          operations.push({
            operationId,
            caseId,
            kind,
            ...(kind === 'create' ? { title: 'x' } : { version }),
            ...(kind === 'update' ? { title: 'y' } : {}),
          });
          expected.push(modelled({ model, applied, operationId, caseId, kind, version }));
          last = operationId;
        }
        const { json } = await sync(alice, operations);
        expect(
          json.results.map(({ result, version }: { result: string; version: number | null }) => [
            result,
            version,
          ]),
        ).toEqual(expected);
      }),
      { numRuns: 25 },
    );
  });
});

/** What a simple list of cases would say. */
function modelled(step: {
  model: Map<string, number>;
  applied: Map<string, number>;
  operationId: string;
  caseId: string;
  kind: string;
  version: number;
}): [string, number | null] {
  const { model, applied, operationId, caseId, kind, version } = step;
  const before = applied.get(operationId);
  if (before !== undefined) return ['duplicate', before];
  const current = model.get(caseId);
  if (kind === 'create' && current !== undefined) return ['conflict', current];
  if (kind !== 'create' && current === undefined) return ['rejected', null];
  if (kind !== 'create' && current !== version) return ['conflict', current ?? null];
  const next = (current ?? 0) + 1;
  if (kind === 'delete') model.delete(caseId);
  else model.set(caseId, next);
  applied.set(operationId, next);
  return ['applied', next];
}

describe('what is measured', () => {
  test('operations by outcome, the hit ratio, and who is active on both replicas', async () => {
    const { id: caseId } = await create(alice);
    for (let i = 0; i < 5; i++) await alice.send('GET', `/api/v1/cases/${caseId}`);
    await alice.send('GET', `/api/v1/cases/${'x'.repeat(22)}`);
    expect(
      await first.metric('case_operations_total', { operation: 'read', status: 'success' }),
    ).toBeGreaterThanOrEqual(5);
    expect(
      await first.metric('case_operations_total', { operation: 'read', status: 'failure' }),
    ).toBeGreaterThanOrEqual(1);
    expect(await first.metric('cache_hit_ratio')).toBeGreaterThan(0);
    await on(second, bob).send('GET', '/api/v1/cases');
    for (const service of [second, first]) expect(await service.metric('active_users')).toBe(3);
  });
});
