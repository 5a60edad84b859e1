import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../../../test/support/redis.ts';
import { createMetrics } from '../metrics/index.ts';
import { CaseCache } from './cache.ts';
import { type Case, CaseStore } from './store.ts';

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
const replica = () => new CaseStore(redis, new CaseCache(createMetrics()), () => keys);
const content = { title: 'Old', description: '', status: 'open' } as const;
const found = async (store: CaseStore, id: string) => (await store.find(owner, id)) as Case;

test('a copy of a deleted case is not served when its id is used again, where versions start anew', async () => {
  const [here, there] = [replica(), replica()];
  const { id } = await here.create(owner, content);
  const old = await found(there, id);
  await here.delete(owner, id, 1);
  // Instants are in milliseconds.
  while (Date.now() <= Date.parse(old.createdAt)) await redis.ping();
  await here.create(owner, { ...content, title: 'New' }, id);
  expect(await there.find(owner, id)).toMatchObject({ title: 'New', version: 1 });
  expect(await there.find(owner, id)).toMatchObject({ title: 'New', version: 1 });
});

test('a change that foresaw a version does not undo the change that led to it', async () => {
  const store = replica();
  const { id } = await store.create(owner, content);
  const current = await found(store, id);
  await store.update(current, { status: 'closed' }, 1);
  // Read before the change, but naming the version after it.
  expect(await store.update(current, { title: 'New' }, 2)).toEqual({ outcome: 'conflict', version: 2 });
  expect(await found(store, id)).toMatchObject({ title: 'Old', status: 'closed', version: 2 });
});

test('an operation that was applied since the case was read is a duplicate, not a conflict', async () => {
  const store = replica();
  const { id } = await store.create(owner, content);
  const once = { operationId: randomUUID(), seconds: 60 };
  await store.update(await found(store, id), { title: 'New' }, 1, once);
  expect(await store.update(await found(store, id), { title: 'New' }, 1, once)).toEqual({
    outcome: 'duplicate',
    version: 2,
  });
});
