import type { Redis } from 'ioredis';
import { afterEach, expect, test, vi } from 'vitest';
import type { Policy } from '../contract/policies.ts';
import { type RedisServer, startRedis } from '../test/support/redis.ts';
import { createRateLimiter, type LimiterOptions, rateLimitHeaders } from './index.ts';
import { connectForTest, startProxy, until } from './testing/servers.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(options: Partial<LimiterOptions> = {}, delayMs?: number) {
  const server: RedisServer = await startRedis();
  cleanUp.push(() => server.stop());
  const proxy = await startProxy(server.port);
  cleanUp.push(() => proxy.stop());
  const redis: Redis = await connectForTest(proxy.port);
  cleanUp.push(() => redis.disconnect());
  if (delayMs !== undefined) proxy.delay(delayMs);
  return { server, redis, limiter: createRateLimiter({ redis, policies: [policy()], ...options }) };
}

const policy = (over: Partial<Policy> = {}): Policy => ({
  name: 'default',
  scope: 'user',
  quota: 100,
  windowSeconds: 60,
  cost: 1,
  onStoreError: 'local',
  mode: 'enforce',
  ...over,
});
const alice = { ip: '192.0.2.1', userId: 'alice' };

test('no fields when all rules are in shadow, or open while Redis is away', async () => {
  const { limiter } = await start({ policies: [policy({ mode: 'shadow' })] });
  expect(rateLimitHeaders(await limiter.check(alice, ['default']))).toEqual({});
  const open = await start({ policies: [policy({ onStoreError: 'open' })] });
  open.server.signal('SIGKILL');
  const decision = await open.limiter.check(alice, ['default']);
  expect([decision.outcome, rateLimitHeaders(decision)]).toEqual(['allow', {}]);
});

test.each(['local', 'closed'] as const)(
  'a Redis 60 ms away is used, also by %s rules',
  async (onStoreError) => {
    const { limiter } = await start({ policies: [policy({ onStoreError })] }, 60);
    await until(async () => (await limiter.check(alice, ['default'])).source === 'redis');
    for (let i = 0; i < 3; i++) expect((await limiter.check(alice, ['default'])).source).toBe('redis');
  },
);

test('a system clock that steps back by an hour while Redis is away makes nobody wait longer than a window', async () => {
  const { server, limiter } = await start({ policies: [policy({ quota: 2 })] });
  await limiter.check(alice, ['default']);
  server.signal('SIGKILL');
  await limiter.check(alice, ['default']);
  vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000);
  const denied = await limiter.check(alice, ['default']);
  expect([denied.outcome, denied.source]).toEqual(['deny', 'local']);
  expect(denied.retryAfterMs).toBeLessThanOrEqual(61_000);
});

test('an idle process notices by itself that Redis returned', async () => {
  const states: string[] = [];
  const { server, limiter } = await start({ observer: { breaker: (state) => states.push(state) } });
  server.signal('SIGKILL');
  for (let i = 0; i < 6; i++) await limiter.check(alice, ['default']);
  expect(limiter.breaker).not.toBe('closed');
  await server.restart();
  // No request in between.
  await until(async () => limiter.breaker === 'closed');
  expect(states.at(-1)).toBe('closed');
});

test.each([
  ['quotas', { quota: 100 }, { quota: 50 }],
  ['windows', { quota: 100 }, { quota: 100, windowSeconds: 120 }],
  ['both', { quota: 100_000, cost: 1_000 }, { quota: 50, windowSeconds: 7, cost: 1 }],
])('two releases with different %s never admit more than the larger quota', async (_, old, next) => {
  const { redis } = await start();
  const releases = [old, next].map((over) =>
    createRateLimiter({ redis, policies: [policy(over)], deadlineMs: 5_000, denyCache: 0 }),
  );
  let units = 0;
  for (let i = 0; i < 400; i++) {
    const turn = i % 3 === 0 ? 1 : 0;
    const { outcome } = (await releases[turn]?.check(alice, ['default'])) ?? {};
    if (outcome === 'allow') units += (turn === 1 ? (next as Policy).cost : (old as Policy).cost) ?? 1;
  }
  expect(units).toBeLessThanOrEqual(Math.max(old.quota, next.quota));
});

test('the cost of a request is given by the call, and is at most the quota', async () => {
  const { limiter } = await start({ deadlineMs: 5_000 });
  expect((await limiter.check(alice, ['default'], 30)).tightest?.remaining).toBe(70);
  expect((await limiter.check(alice, ['default'], 71)).outcome).toBe('deny');
  expect((await limiter.check(alice, ['default'], 1_000)).retryAfterMs).toBeLessThanOrEqual(61_000);
  expect((await limiter.check(alice, ['default'], 70)).tightest?.remaining).toBe(0);
});

test('Redis keeps the reserve of a shared window for light sources, and says when others may come again', async () => {
  const policies = [
    policy({ name: 'own', quota: 50 }),
    policy({ name: 'pool', scope: 'global', quota: 20, reserve: { percent: 50, perSource: 2 } }),
  ];
  const { limiter } = await start({ policies, deadlineMs: 5_000, denyCache: 0 });
  const check = (userId: string) => limiter.check({ ip: '192.0.2.1', userId }, ['own', 'pool']);
  const greedy = await Promise.all(Array.from({ length: 30 }, () => check('greedy')));
  expect(greedy.filter(({ outcome }) => outcome === 'allow')).toHaveLength(10);
  const refused = greedy.at(-1);
  expect(refused).toMatchObject({ violated: ['pool'], tightest: { policy: 'pool', remaining: 0 } });
  expect(refused?.retryAfterMs).toBeGreaterThan(50_000);
  const light = [];
  for (let i = 0; i < 5; i++) for (let n = 0; n < 3; n++) light.push((await check(`user-${i}`)).outcome);
  expect(light).toEqual(Array.from({ length: 5 }, () => ['allow', 'allow', 'deny']).flat());
});
