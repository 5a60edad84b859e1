import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Policy } from '../contract/policies.ts';
import { type RedisServer, startRedis } from '../test/support/redis.ts';
import { createRateLimiter, InvalidPolicies, NoSubject } from './index.ts';
import { connectForTest, until } from './testing/servers.ts';

let server: RedisServer;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = await connectForTest(server.port);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

const policy = (over: Partial<Policy> = {}): Policy => ({
  name: 'default',
  scope: 'user',
  quota: 3,
  windowSeconds: 60,
  cost: 1,
  onStoreError: 'local',
  mode: 'enforce',
  ...over,
});
const alice = { ip: '192.0.2.1', userId: 'alice' };
const bob = { ip: '192.0.2.1', userId: 'bob' };

describe('a limiter', () => {
  test('admits the quota, then denies with a wait, and leaves others alone', async () => {
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000, policies: [policy()] });
    const decisions = [];
    for (let i = 0; i < 4; i++) decisions.push(await limiter.check(alice, ['default']));
    expect(decisions.map(({ outcome }) => outcome)).toEqual(['allow', 'allow', 'allow', 'deny']);
    expect(decisions.map(({ tightest }) => tightest?.remaining)).toEqual([2, 1, 0, 0]);
    expect(decisions[3]?.violated).toEqual(['default']);
    expect(decisions[3]?.retryAfterMs).toBeGreaterThan(58_000);
    expect(decisions[3]?.retryAfterMs).toBeLessThanOrEqual(61_000);
    expect((await limiter.check(bob, ['default'])).outcome).toBe('allow');
  });

  test('takes from no rule when one of them denies', async () => {
    const policies = [policy({ name: 'shared', scope: 'global', quota: 2 }), policy({ quota: 100 })];
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000, policies, denyCache: 0 });
    for (let i = 0; i < 10; i++) await limiter.check(alice, ['shared', 'default']);
    const [explained] = await limiter.explain('alice');
    expect(explained).toMatchObject({
      consumed: 2,
      remaining: 98,
      wouldDeny: false,
      buckets: [{ units: 2 }],
    });
  });

  test('decides a burst of one tick exactly', async () => {
    const limiter = createRateLimiter({
      redis,
      deadlineMs: 5_000,
      policies: [policy({ quota: 100 })],
      denyCache: 0,
    });
    const decisions = await Promise.all(Array.from({ length: 500 }, () => limiter.check(alice, ['default'])));
    const allowed = decisions.filter(({ outcome }) => outcome === 'allow');
    expect(allowed).toHaveLength(100);
    expect(allowed.map(({ tightest }) => tightest?.remaining)).toEqual(
      Array.from({ length: 100 }, (_, i) => 99 - i),
    );
  });

  test('evaluates shadow rules without denying', async () => {
    const policies = [policy({ name: 'trial', quota: 1, mode: 'shadow' }), policy()];
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000, policies });
    await limiter.check(alice, ['trial', 'default']);
    const second = await limiter.check(alice, ['trial', 'default']);
    expect(second).toMatchObject({ outcome: 'allow', shadow: [{ policy: 'trial', allowed: false }] });
    expect(second.rules.map((rule) => rule.policy)).toEqual(['default']);
  });

  test('knows quotas of roles and of single users', async () => {
    const limiter = createRateLimiter({
      redis,
      policies: [policy({ roles: { admin: 7 }, users: { alice: 9 } })],
    });
    const limits = async (subject: object) =>
      (await limiter.check({ ip: '192.0.2.1', ...subject }, ['default'])).tightest?.limit;
    expect(await limits({ userId: 'bob', role: 'reader' })).toBe(3);
    expect(await limits({ userId: 'carol', role: 'admin' })).toBe(7);
    expect(await limits({ userId: 'alice', role: 'admin' })).toBe(9);
  });

  test('keeps what was consumed when policies are reloaded, whatever changes', async () => {
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000, policies: [policy({ quota: 10 })] });
    for (let i = 0; i < 6; i++) await limiter.check(alice, ['default']);
    limiter.reload([policy({ quota: 5 })]);
    expect((await limiter.check(alice, ['default'])).outcome).toBe('deny');
    limiter.reload([policy({ quota: 8, windowSeconds: 120 })]);
    expect((await limiter.check(alice, ['default'])).tightest?.remaining).toBe(1);
    expect(() => limiter.reload([policy({ quota: 0 })])).toThrow(InvalidPolicies);
    expect(limiter.policies[0]?.quota).toBe(8);
  });

  test('forgets a user on reset, and only that one', async () => {
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000, policies: [policy({ quota: 1 })] });
    for (const subject of [alice, bob]) await limiter.check(subject, ['default']);
    await limiter.reset('alice');
    expect((await limiter.check(alice, ['default'])).outcome).toBe('allow');
    expect((await limiter.check(bob, ['default'])).outcome).toBe('deny');
  });

  test('leaves no key without a TTL and no user in a key', async () => {
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000 });
    await limiter.check({ ...alice, account: 'a@example.org', endpoint: '/login' }, [
      'login',
      'login-address',
      'login-endpoint',
      'address',
      'global',
    ]);
    const keys = await redis.keys('*');
    expect(keys).toHaveLength(5);
    for (const key of keys) {
      expect(key).toMatch(/^rl:v1:\{[A-Za-z0-9_-]+\}:[a-z-]+(:[A-Za-z0-9_-]{12})?$/);
      expect(await redis.pttl(key)).toBeGreaterThan(60_000);
      expect(await redis.memory('USAGE', key)).toBeLessThanOrEqual(256);
    }
  });

  test('falls back to the address, and refuses a request that has none', async () => {
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000, policies: [policy({ quota: 1 })] });
    expect((await limiter.check({ ip: '192.0.2.7' }, ['default'])).outcome).toBe('allow');
    expect((await limiter.check({ ip: '::ffff:192.0.2.7' }, ['default'])).outcome).toBe('deny');
    await expect(limiter.check({ ip: '' }, ['default'])).rejects.toThrow(NoSubject);
  });

  test('goes by the clock of Redis, whatever the clock of this machine says', async () => {
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000, policies: [policy()], denyCache: 0 });
    const ahead = createRateLimiter({ redis, deadlineMs: 5_000, policies: [policy()], denyCache: 0 });
    for (let i = 0; i < 3; i++) await limiter.check(alice, ['default']);
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
    expect((await ahead.check(alice, ['default'])).outcome).toBe('deny');
    vi.restoreAllMocks();
  });

  test('with the deny cache decides as without it', async () => {
    const policies = [policy({ quota: 5 }), policy({ name: 'shared', scope: 'global', quota: 12 })];
    const [cached, plain] = [
      createRateLimiter({ redis, deadlineMs: 5_000, policies }),
      createRateLimiter({ redis, deadlineMs: 5_000, policies, denyCache: 0 }),
    ];
    for (let i = 0; i < 60; i++) {
      const subject = { ip: '192.0.2.1', userId: `user-${i % 4}` };
      // A denial consumes nothing, so asking both tells what either would have said.
      const [first, second] = [
        await cached.check(subject, ['default', 'shared']),
        await plain.check(subject, ['default', 'shared']),
      ];
      if (first.outcome === 'deny') expect(second.outcome).toBe('deny');
      if (i === 40) await plain.reset('user-1');
    }
    const sources = new Set<string>();
    for (let i = 0; i < 3; i++)
      sources.add((await cached.check({ ip: '192.0.2.1', userId: 'user-0' }, ['default', 'shared'])).source);
    expect(sources).toContain('deny_cache');
  });

  test('feels a reset on every replica within a second, deny cache or not', async () => {
    const policies = [policy({ quota: 1 })];
    const [here, there] = [
      createRateLimiter({ redis, deadlineMs: 5_000, policies }),
      createRateLimiter({ redis, deadlineMs: 5_000, policies }),
    ];
    for (let i = 0; i < 3; i++) await there.check(alice, ['default']);
    await here.reset('alice');
    const started = Date.now();
    await until(async () => (await there.check(alice, ['default'])).outcome === 'allow');
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  test('names a policy that does not exist', async () => {
    const limiter = createRateLimiter({ redis, deadlineMs: 5_000, policies: [policy()] });
    await expect(limiter.check(alice, ['nothing'])).rejects.toThrow('"nothing"');
  });
});
