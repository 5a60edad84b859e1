import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Backing,
  startBacking,
  type TestService,
  type TestSession,
} from '../../test/support/service.ts';

import { QueueDepth } from './queue-depth.ts';

let backing: Backing;
let first: TestService;
let second: TestService;
let alice: TestSession;
let bob: TestSession;

beforeAll(async () => {
  backing = await startBacking();
  [first, second] = await backing.startPair();
  alice = await first.login(backing.user('caseworker'));
  bob = await first.login(backing.user('caseworker', 1));
}, 60_000);
afterAll(() => backing.stop());

const create = async (session: TestSession) =>
  (await session.send('POST', '/api/v1/cases', { body: { title: 'A case' } })).json;

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
          const answer = await service.send('POST', '/api/v1/sync', {
            token: alice.accessToken,
            body: { operations },
          });
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

describe('odd input', () => {
  const send = async (operation: object, remaining = 0) => {
    const session = await first.login(backing.user('caseworker'));
    const known = { operationId: randomId(), kind: 'create', title: 'x', caseId: randomId() };
    const operations = [known, { ...known, operationId: randomId(), caseId: randomId(), ...operation }];
    const answer = await session.send('POST', '/api/v1/sync', { body: { operations, remaining } });
    const written = await session.send('GET', `/api/v1/cases/${known.caseId}`);
    return { answer, written };
  };
  const randomId = () => randomBytes(16).toString('base64url');

  // Before: half of the batch was written, then 500.
  test.each(['2016-12-31T23:59:60Z', '2026-11-30T10:00:00+02'])(
    'queuedAt %s: 400, nothing written',
    async (queuedAt) => {
      const { answer, written } = await send({ queuedAt });
      expect(answer.status).toBe(400);
      expect(answer.json.errors).toEqual([{ field: '/operations/1/queuedAt', message: expect.any(String) }]);
      expect(written.status).toBe(404);
    },
  );

  test('the year 1 and a million remaining are taken, and clamped in the metrics', async () => {
    const { answer } = await send({ queuedAt: '0001-01-01T00:00:00Z' }, 1_000_000);
    expect(answer.status).toBe(200);
    expect(await first.metric('sync_freshness_seconds_sum')).toBeLessThanOrEqual(30 * 86_400 * 2);
    expect(await first.metric('offline_sync_queue_depth')).toBeLessThanOrEqual(10_000);
  });

  test('users that come and go are named 20 at a time, and 60 anew per hour', async () => {
    const depth = new QueueDepth(first.service.context.data, first.service.context.metrics);
    const names = new Set<string>();
    for (let round = 0; round < 10; round += 1) {
      for (let n = 0; n < 20; n += 1) await depth.set(`rotating-${round}-${n}`, 1_000 * (round + 2));
      const { text } = await first.send('GET', '/metrics', { to: 'internal' });
      const found = [...text.matchAll(/^offline_sync_queue_depth\{user_id="([^"]+)"\}/gm)].map(
        ([, name = '']) => name,
      );
      expect(found.length).toBeLessThanOrEqual(21);
      for (const name of found) names.add(name);
    }
    names.delete('other');
    expect(names.size).toBeLessThanOrEqual(60);
  });
});
