import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../../test/support/redis.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { CaseCache } from './cache.ts';
import { caseKeys, type StoredCase } from './case.ts';
import { removeRecordsWithoutCase } from './ownerless.ts';
import { CaseStore } from './store.ts';

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.stop();
});

const owner = 'owner';
const keys = { active: 'd1', byId: new Map([['d1', randomBytes(32)]]) };
/** A replica: a store with a cache of its own. */
const replica = (maxCases = 100, maxBytes = 100_000) =>
  new CaseStore(redis, new CaseCache(createMetrics()), {
    keys: () => keys,
    maxCases,
    maxBytes,
    assertRoom: () => {},
    onUnreadable: () => {},
  });
const content = { title: 'Old', description: '', status: 'open' } as const;
const found = async (store: CaseStore, id: string) => (await store.find(owner, id)) as StoredCase;

test('a copy of a deleted case is not served when its id is used again, where versions start anew', async () => {
  const [here, there] = [replica(), replica()];
  const { id } = await here.create(owner, content);
  await found(there, id);
  await here.delete(owner, id, { version: 1 });
  await here.create(owner, { ...content, title: 'New' }, id);
  expect(await there.find(owner, id)).toMatchObject({ title: 'New', version: 1 });
  expect(await there.find(owner, id)).toMatchObject({ title: 'New', version: 1 });
});

test('a change that foresaw a version does not undo the change that led to it', async () => {
  const store = replica();
  const { id } = await store.create(owner, content);
  const current = await found(store, id);
  await store.update(current, { status: 'closed' }, { version: 1 });
  // Read before the change, but naming the version after it.
  expect(await store.update(current, { title: 'New' }, { version: 2 })).toEqual({
    outcome: 'conflict',
    version: 2,
  });
  expect(await found(store, id)).toMatchObject({ title: 'Old', status: 'closed', version: 2 });
});

test('an operation that was applied since the case was read is a duplicate, not a conflict', async () => {
  const store = replica();
  const { id } = await store.create(owner, content);
  const once = { operationId: randomUUID(), seconds: 60 };
  await store.update(await found(store, id), { title: 'New' }, { version: 1 }, once);
  expect(await store.update(await found(store, id), { title: 'New' }, { version: 1 }, once)).toEqual({
    outcome: 'duplicate',
    version: 2,
  });
});

test('an operation whose lock is held by another, or by nobody any more, writes nothing; while it is held it lasts', async () => {
  const store = replica();
  const { id } = await store.create(owner, content);
  const lock = caseKeys.syncLock(owner);
  const change = async (token: string) =>
    store.update(await found(store, id), { title: 'New' }, await found(store, id), {
      operationId: randomUUID(),
      seconds: 60,
      lock: { token, seconds: 30 },
    });
  expect(await change('mine')).toEqual({ outcome: 'superseded' });
  await redis.set(lock, 'theirs', 'EX', 30);
  expect(await change('mine')).toEqual({ outcome: 'superseded' });
  expect(await found(store, id)).toMatchObject({ title: 'Old', version: 1 });
  await redis.set(lock, 'mine', 'PX', 2_000);
  expect(await change('mine')).toEqual({ outcome: 'applied', version: 2 });
  expect(await redis.pttl(lock)).toBeGreaterThan(20_000);
});

describe('the quotas of an owner', () => {
  beforeEach(async () => {
    await redis.flushall();
  });

  test('a creation beyond the number of cases is refused, and a deletion makes room', async () => {
    const store = replica(2);
    const { id } = await store.create(owner, content);
    await store.create(owner, content);
    expect(await store.create(owner, content)).toMatchObject({
      outcome: 'over_quota',
      quota: 'cases',
      used: 2,
    });
    await store.delete(owner, id);
    expect((await store.create(owner, content)).outcome).toBe('applied');
    expect((await store.create('other', content)).outcome).toBe('applied');
  });

  test('bytes count for creations and changes, and are given back by shorter text and deletions', async () => {
    const store = replica(100, 6_000);
    const long = { ...content, description: 'x'.repeat(3_000) };
    const { id } = await store.create(owner, long);
    expect(await store.create(owner, long)).toMatchObject({ outcome: 'over_quota', quota: 'bytes' });
    await store.update(await found(store, id), { description: '' }, { version: 1 });
    expect((await store.create(owner, long)).outcome).toBe('applied');
    await store.delete(owner, id);
    expect(Number(await redis.get('cs:v1:{o:owner}:use'))).toBeGreaterThan(3_000);
  });

  test('cases of a release that counted nothing are counted with the next write', async () => {
    const { id } = await replica().create(owner, content);
    const used = await redis.getdel('cs:v1:{o:owner}:use');
    await replica().update(await found(replica(), id), { title: 'Old' }, { version: 1 });
    expect(await redis.get('cs:v1:{o:owner}:use')).toBe(used);
  });

  test('the 5,000 newest operations are remembered, and every record of them ends', async () => {
    const store = replica();
    const record = (n: number) => ({ operationId: `operation-${n}`, seconds: 60 });
    await store.create(owner, content, undefined, record(0));
    const more = Array.from({ length: 5_000 }, (_, n) => `old-${n}`);
    await redis.zadd('cs:v1:{o:owner}:ops', ...more.flatMap((name) => [2e9, name]));
    await store.create(owner, content, undefined, record(1));
    expect(await redis.zcard('cs:v1:{o:owner}:ops')).toBe(5_000);
    expect(await redis.exists('cs:v1:{o:owner}:op:operation-0')).toBe(0);
    expect(await redis.ttl('cs:v1:{o:owner}:ops')).toBeGreaterThan(0);
  });
});

test('neither text nor status nor version is read once somebody changed it in Redis', async () => {
  const { id } = await replica().create(owner, content);
  const key = caseKeys.case(owner, id);
  for (const [field, value] of [
    ['status', 'closed'],
    ['version', '7'],
    ['updatedAt', '2020-01-01T00:00:00.000Z'],
  ] as const) {
    const before = (await redis.hget(key, field)) as string;
    await redis.hset(key, field, value);
    await expect(replica().find(owner, id)).rejects.toThrow('was changed');
    expect((await replica().list(owner, 100)).unreadable).toContain(id);
    await redis.hset(key, field, before);
  }
  expect(await found(replica(), id)).toMatchObject({ title: 'Old' });
});

describe('the record of who owns a case', () => {
  const remaining = () => redis.keys('cs:v1:{case:*');
  const once = () => ({ operationId: randomUUID(), seconds: 60 });
  beforeEach(async () => {
    await redis.flushall();
  });

  test('is gone when a creation arrives again after the case was deleted', async () => {
    const store = replica();
    const creation = once();
    const { id } = await store.create(owner, content, undefined, creation);
    await store.delete(owner, id, { version: 1 }, once());
    expect((await store.create(owner, content, id, creation)).outcome).toBe('duplicate');
    expect(await remaining()).toEqual([]);
  });

  test('is gone when a deletion, whose answer was lost before the record was removed, is sent again', async () => {
    const store = replica();
    const { id } = await store.create(owner, content);
    const deletion = once();
    await store.delete(owner, id, { version: 1 }, deletion);
    for (const operation of [deletion, undefined]) {
      await redis.set(caseKeys.owner(id), owner);
      await store.delete(owner, id, { version: 1 }, operation);
      expect(await remaining()).toEqual([]);
    }
  });

  test('stays while the case is there, whatever else is tried, and another owner’s is not touched', async () => {
    const store = replica();
    const { id } = await store.create(owner, content);
    expect((await store.create(owner, content, id, once())).outcome).toBe('conflict');
    expect((await store.create('other', content, id)).outcome).toBe('conflict');
    expect((await store.delete('other', id)).outcome).toBe('missing');
    expect(await store.ownerOf(id)).toBe(owner);
  });

  test('is swept where a crash left it without a case, and nowhere else', async () => {
    const { id } = await replica().create(owner, content);
    await redis.set(caseKeys.owner('left-by-a-crash'), owner);
    expect(await removeRecordsWithoutCase(redis)).toBe(1);
    expect(await remaining()).toEqual([caseKeys.owner(id)]);
    expect(await removeRecordsWithoutCase(redis)).toBe(0);
  });
});
