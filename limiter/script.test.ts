import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../test/support/redis.ts';
import { decodeReply, encodeBatch, type Group } from './batch.ts';
import type { Rule } from './rules.ts';
import { decideLua } from './script.ts';
import { decideLocally, instants, scenario, start } from './testing/scenario.ts';
import { connectForTest } from './testing/servers.ts';
import { add, bucketLength, emptyWindow, nextAt, resetAt, roll, type Window } from './window.ts';

describe('the script on a real Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let decide: (keys: number, ...args: (string | Buffer)[]) => Promise<Buffer>;

  beforeAll(async () => {
    server = await startRedis();
    redis = await connectForTest(server.port);
    redis.defineCommand('decide', { lua: decideLua });
    decide = (redis as unknown as { decideBuffer: typeof decide }).decideBuffer.bind(redis);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(() => redis.flushall());

  const rule = (over: Partial<Rule> = {}): Rule => ({
    key: 'rl:v1:{a}:default',
    policy: 'default',
    scope: 'user',
    reserve: { units: 0, perSource: 0 },
    onStoreError: 'local',
    quota: 10,
    windowMs: 60_000,
    cost: 1,
    mode: 'enforce',
    ...over,
  });
  const run = async (groups: Group[], clock: number) => {
    const { keys, packed } = encodeBatch(groups);
    return decodeReply(groups, await decide(keys.length, ...keys, packed, String(clock)));
  };

  test('decides like the local limiter, number for number', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, fc.constantFrom(1, 1_000), async (given, scale) => {
        await redis.flushall();
        const windowMs = given.windowSeconds * 1_000;
        const quota = given.quota * scale;
        const window = emptyWindow();
        for (const step of instants(given)) {
          const cost = step.cost * scale;
          const expected = decideLocally(window, bucketLength(windowMs), step.now, quota, cost);
          const [got] = await run([{ rules: [rule({ quota, cost, windowMs })], count: 1 }], step.now);
          const state = got?.rules[0];
          expect({
            admitted: got?.admitted === 1,
            remaining: quota - (state?.sum ?? 0),
            waitMs: state?.waitMs,
            resetAt: state?.resetAt,
            nextAt: state?.nextAt,
          }).toEqual(expected);
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  test('takes all rules or none: on a denial every key is as it was, to the byte', async () => {
    const arbitraryRule = fc.record({
      key: fc.integer({ min: 0, max: 3 }),
      quota: fc.integer({ min: 1, max: 6 }),
      cost: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(arbitraryRule, { minLength: 1, maxLength: 3, selector: ({ key }) => key }), {
          minLength: 1,
          maxLength: 25,
        }),
        async (requests) => {
          await redis.flushall();
          const admitted = new Map<string, number>();
          let now = start;
          for (const given of requests) {
            now += 137;
            const rules = given.map(({ key, quota, cost }) =>
              rule({ key: `rl:v1:{s}:${key}`, quota: quota + cost, cost }),
            );
            const before = await dump(redis);
            const [got] = await run([{ rules, count: 1 }], now);
            if (got?.admitted === 1)
              for (const { key, cost } of rules) admitted.set(key, (admitted.get(key) ?? 0) + cost);
            else expect(await dump(redis)).toEqual(before);
          }
          for (const [key, units] of admitted)
            expect((await redis.getBuffer(key))?.readUInt32BE(17)).toBe(units);
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  test('decides equal requests of a batch as one after the other would be', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        async (counts, cost) => {
          await redis.flushall();
          const state = emptyWindow();
          let now = start;
          for (const count of counts) {
            now += 700;
            roll(state, 1_000, now);
            const expected = Array.from(
              { length: count },
              () => decideLocally(state, 1_000, now, 50, cost).admitted,
            ).filter(Boolean).length;
            const [got] = await run([{ rules: [rule({ quota: 50, cost })], count }], now);
            expect([got?.admitted, got?.rules[0]?.sum]).toEqual([expected, state.sum]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('decides a batch as its requests one after the other, whatever the modes and the time between', async () => {
    const arbitraryRule = fc.record({
      key: fc.integer({ min: 0, max: 3 }),
      quota: fc.integer({ min: 1, max: 8 }),
      cost: fc.integer({ min: 1, max: 3 }),
      mode: fc.constantFrom('enforce', 'enforce', 'shadow', 'force', 'peek'),
    });
    const group = fc.record({
      rules: fc.uniqueArray(arbitraryRule, { minLength: 1, maxLength: 3, selector: ({ key }) => key }),
      count: fc.integer({ min: 1, max: 4 }),
    });
    const batch = fc.record({
      // Within a sub-bucket, some on, at the edges of a window, and after it.
      pause: fc.constantFrom(0, 1, 400, 1_000, 7_300, 15_000, 59_000, 60_000, 61_000, 200_000),
      groups: fc.array(group, { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(batch, { minLength: 1, maxLength: 12 }),
        fc.constantFrom(1, 10_000),
        async (batches, scale) => {
          await redis.flushall();
          const windows = Array.from({ length: 4 }, emptyWindow);
          let now = start;
          for (const { pause, groups } of batches) {
            now += pause;
            for (const state of windows) roll(state, 1_000, now);
            const asked = groups.map(({ rules, count }) => ({
              count,
              rules: rules.map(({ key, quota, cost, mode }) =>
                rule({ key: `rl:v1:{s}:${key}`, quota: (quota + cost) * scale, cost: cost * scale, mode }),
              ),
            }));
            const expected = asked.map(({ rules, count }) => oneByOne(windows, rules, count));
            expect((await run(asked, now)).map(({ admitted }) => admitted)).toEqual(expected);

            const peeks = windows.map((_, key) =>
              rule({ key: `rl:v1:{s}:${key}`, quota: 11 * scale, mode: 'peek' }),
            );
            const [observed] = await run([{ rules: peeks, count: 1 }], now);
            expect(observed?.rules.map(({ sum, resetAt, nextAt }) => ({ sum, resetAt, nextAt }))).toEqual(
              windows.map((window) => ({
                sum: window.sum,
                resetAt: resetAt(window, 1_000, now),
                nextAt: nextAt(window, 1_000, now),
              })),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  test('gives a key an end at its first write of each quarter of a window, after that of all its units', async () => {
    const one = rule({ quota: 1_000 });
    let quarter = 0;
    for (let now = start + 200; now < start + 150_000; now += 700) {
      const isNew = Math.floor(now / 15_000) !== quarter;
      quarter = Math.floor(now / 15_000);
      // Redis' own clock has hardly moved: as if it had come near the end that the quarter before set.
      if (isNew) await redis.pexpire(one.key, 9_000);
      await run([{ rules: [one], count: 1 }], now);
      if (isNew) expect(await redis.pttl(one.key)).toBeGreaterThan(61_000 + 15_000);
    }
  }, 60_000);

  test.each([
    ['a list', (r: Redis, key: string) => r.rpush(key, 'x')],
    ['garbage', (r: Redis, key: string) => r.set(key, 'x'.repeat(50))],
    ['garbage of the right length', (r: Redis, key: string) => r.set(key, Buffer.alloc(141, 0xff))],
  ])('heals a key that holds %s', async (_, plant) => {
    const one = rule();
    await plant(redis, one.key);
    let admitted = 0;
    for (let i = 0; i < 30 && admitted === 0; i++)
      admitted += (await run([{ rules: [one], count: 1 }], start + i * 10_000))[0]?.admitted ?? 0;
    expect(admitted).toBe(1);
    expect(await redis.pttl(one.key)).toBeGreaterThan(0);
  });

  test.each([5_000, 90_000, 3_600_000])(
    'waits no longer than a window after the clock was set back by %i ms, and refills nothing',
    async (back) => {
      const two = (count: number) => [{ rules: [rule({ quota: 2 })], count }];
      await run(two(2), start);
      const [denied] = await run(two(1), start - back);
      expect([denied?.admitted, denied?.rules[0]?.waitMs]).toEqual([0, 61_000]);
      // The wait does not start anew with each request.
      expect((await run(two(1), start - back + 60_999))[0]?.rules[0]?.waitMs).toBe(1);
      expect((await run(two(1), start - back + 61_000))[0]?.admitted).toBe(1);
    },
  );

  test('keeps windows of a millisecond-long sub-bucket apart, far beyond 32 bits', async () => {
    const short = rule({ windowMs: 60, quota: 1 });
    expect((await run([{ rules: [short], count: 1 }], start))[0]?.admitted).toBe(1);
    expect((await run([{ rules: [short], count: 1 }], start + 60))[0]?.admitted).toBe(0);
    expect((await run([{ rules: [short], count: 1 }], start + 61))[0]?.admitted).toBe(1);
  });
});

/** How many of equal requests are admitted when they are decided one by one. */
function oneByOne(windows: readonly Window[], rules: readonly Rule[], count: number): number {
  const windowOf = ({ key }: Rule) => windows[Number(key.at(-1))] as Window;
  const fits = (one: Rule) => windowOf(one).sum + one.cost <= one.quota;
  let admitted = 0;
  for (let i = 0; i < count; i++) {
    if (!rules.every((one) => one.mode !== 'enforce' || fits(one))) break;
    admitted += 1;
    for (const one of rules)
      if (one.mode === 'force' || one.mode === 'enforce' || (one.mode === 'shadow' && fits(one)))
        add(windowOf(one), one.cost);
  }
  return admitted;
}

async function dump(redis: Redis): Promise<Record<string, string>> {
  const keys = (await redis.keys('*')).sort();
  const values = await Promise.all(
    keys.map(async (key) => (await redis.getBuffer(key))?.toString('hex') ?? ''),
  );
  return Object.fromEntries(keys.map((key, i) => [key, values[i] ?? '']));
}
