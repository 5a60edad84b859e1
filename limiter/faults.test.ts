import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Cluster, Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import type { Policy } from '../contract/policies.ts';
import { spawn } from '../infra/programs/child-process.ts';
import { freePort, type RedisServer, startRedis } from '../test/support/redis.ts';
import { createRateLimiter, type LimiterOptions, type RateLimiter } from './index.ts';
import type { Fleet } from './testing/child.ts';
import { connectForTest, Log, startProxy, until } from './testing/servers.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function server(options: Record<string, string> = {}): Promise<RedisServer> {
  const started = await startRedis(options);
  cleanUp.push(() => started.stop());
  return started;
}

async function limiterOn(
  port: number,
  options: Partial<LimiterOptions> = {},
): Promise<{ limiter: RateLimiter; redis: Redis }> {
  const redis = await connectForTest(port);
  cleanUp.push(() => redis.disconnect());
  return { redis, limiter: createRateLimiter({ redis, policies: policies(), ...options }) };
}

const policies = (quota = 50, onStoreError: Policy['onStoreError'] = 'local'): Policy[] => [
  { name: 'default', scope: 'user', quota, windowSeconds: 60, cost: 1, onStoreError, mode: 'enforce' },
];
/** For what is not about the deadline: a starved machine must not turn an answer of Redis into a local one. */
const patient = { deadlineMs: 5_000 };
const ask = (limiter: RateLimiter, userId = 'alice') =>
  limiter.check({ ip: '192.0.2.1', userId }, ['default']);

/** Asks many times, one after the other; none may reject or hang, whatever the store does. */
async function askMany(limiter: RateLimiter, count: number) {
  const started = performance.now();
  const decisions = [];
  for (let i = 0; i < count; i++) decisions.push(await ask(limiter));
  return {
    decisions,
    ms: performance.now() - started,
    allowed: decisions.filter(({ outcome }) => outcome === 'allow').length,
  };
}

describe('when Redis fails', () => {
  test.each(['SIGKILL', 'SIGSTOP'] as const)(
    '%s: decides locally from what it knows, and goes back',
    async (signal) => {
      const redis = await server();
      const { limiter } = await limiterOn(redis.port);
      await askMany(limiter, 20);
      redis.signal(signal);
      const { decisions, allowed } = await askMany(limiter, 60);
      // Warm: the 20 that Redis admitted count here too, so an outage is no fresh quota.
      expect(allowed).toBe(30);
      expect(decisions.every(({ source }) => source === 'local')).toBe(true);
      expect(limiter.breaker).toBe('open');
      if (signal === 'SIGKILL') await redis.restart();
      else redis.signal('SIGCONT');
      await until(async () => (await ask(limiter, 'bob')).source === 'redis');
      // Written back, or still there: the quota stays spent.
      await until(async () => (await ask(limiter)).source !== 'local');
      await until(async () => (await ask(limiter)).outcome === 'deny');
    },
  );

  test('a busy event loop is not a Redis that fails', async () => {
    const redis = await server();
    const { limiter } = await limiterOn(redis.port);
    await ask(limiter);
    const asked = ask(limiter);
    // Sent by then; the answer arrives while nobody reads, and the deadline passes.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const end = performance.now() + 300;
    while (performance.now() < end);
    expect(await asked).toMatchObject({ outcome: 'allow', source: 'redis' });
    expect(limiter.breaker).toBe('closed');
  });

  test('a fleet without Redis stays near the quota: each replica enforces its share', async () => {
    const redis = await server();
    const fleet = await Promise.all(
      [1, 2, 3, 4].map(() => limiterOn(redis.port, { replicas: 4, policies: policies(100) })),
    );
    redis.signal('SIGKILL');
    const admitted = await Promise.all(fleet.map(({ limiter }) => askMany(limiter, 60)));
    expect(admitted.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(100);
  });

  test('writes back what it admitted meanwhile, so that an outage does not double the quota', async () => {
    const redis = await server();
    const { limiter } = await limiterOn(redis.port, { policies: policies(40) });
    await ask(limiter);
    redis.signal('SIGSTOP');
    const { allowed } = await askMany(limiter, 30);
    redis.signal('SIGCONT');
    await until(async () => (await ask(limiter, 'bob')).source === 'redis');
    expect(allowed).toBe(30);
    await until(async () => {
      const [window] = await limiter.explain('alice');
      return (window?.consumed ?? 0) >= 31;
    });
  });

  test('counts what waited behind a call that failed, though the circuit never opened', async () => {
    const redis = await server();
    const proxy = await startProxy(redis.port);
    cleanUp.push(() => proxy.stop());
    const { limiter } = await limiterOn(proxy.port, { policies: policies(30), denyCache: 0 });
    await ask(limiter);
    proxy.delay(200);
    // One call is late; the others never left, and are decided here.
    const late = await Promise.all(Array.from({ length: 20 }, () => ask(limiter)));
    proxy.delay(0);
    expect(limiter.breaker).toBe('closed');
    await until(async () => (await ask(limiter, 'bob')).source === 'redis');
    await until(async () => ((await limiter.explain('alice'))[0]?.consumed ?? 0) >= 21);
    const { allowed } = await askMany(limiter, 20);
    expect(late.filter(({ outcome }) => outcome === 'allow').length + allowed + 1).toBe(30);
  });

  test('closed policies are unavailable, never denied; open ones pass', async () => {
    const redis = await server();
    const { limiter: closed } = await limiterOn(redis.port, { policies: policies(5, 'closed') });
    const { limiter: open } = await limiterOn(redis.port, { policies: policies(5, 'open') });
    redis.signal('SIGKILL');
    expect((await askMany(closed, 10)).decisions.map(({ outcome }) => outcome)).toEqual(
      new Array(10).fill('unavailable'),
    );
    expect((await askMany(open, 10)).allowed).toBe(10);
  });

  test('works when Redis is absent at boot, and takes to it when it comes', async () => {
    const port = await freePort();
    const redis = new Redis({
      port,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 50,
    });
    redis.on('error', () => {});
    cleanUp.push(() => redis.disconnect());
    const limiter = createRateLimiter({ redis, policies: policies() });
    expect((await ask(limiter)).source).toBe('local');
    await server({ port: String(port) });
    await until(async () => (await ask(limiter)).source === 'redis');
  });

  test('a reply that is lost is counted once, and the caller does not wait for it', async () => {
    const redis = await server();
    const proxy = await startProxy(redis.port);
    cleanUp.push(() => proxy.stop());
    const { limiter } = await limiterOn(proxy.port);
    await ask(limiter);
    proxy.dropReplies(true);
    expect((await ask(limiter)).source).toBe('local');
    proxy.dropReplies(false);
    proxy.cut();
    await until(async () => (await ask(limiter, 'bob')).source === 'redis');
    // The first one, and the lost one, which Redis did count: sent once, and not written back either.
    const { limiter: direct } = await limiterOn(redis.port, patient);
    expect((await direct.explain('alice'))[0]?.consumed).toBe(2);
  });

  test('survives SCRIPT FLUSH and FLUSHALL in the middle', async () => {
    const redis = await server();
    const { limiter, redis: connection } = await limiterOn(redis.port, patient);
    await ask(limiter);
    await connection.script('FLUSH');
    expect((await ask(limiter)).source).toBe('redis');
    await connection.flushall();
    expect((await ask(limiter)).tightest?.remaining).toBe(49);
  });

  test.each([
    ['out of memory', async (r: Redis) => r.config('SET', 'maxmemory', '1')],
    ['a read-only replica', async (r: Redis) => r.replicaof('127.0.0.1', await freePort())],
  ])('takes %s for what it is: local, no error', async (_, fault) => {
    const redis = await server();
    const { limiter, redis: connection } = await limiterOn(redis.port);
    await ask(limiter);
    await fault(connection);
    const { decisions } = await askMany(limiter, 10);
    expect(decisions.map(({ outcome }) => outcome)).toEqual(new Array(10).fill('allow'));
    expect(decisions.at(-1)?.source).toBe('local');
  });

  test('a proxy that delays beyond the deadline costs no more than the deadline', async () => {
    const redis = await server();
    const proxy = await startProxy(redis.port);
    cleanUp.push(() => proxy.stop());
    const { limiter } = await limiterOn(proxy.port);
    await ask(limiter);
    proxy.delay(400);
    const { decisions, ms } = await askMany(limiter, 20);
    expect(decisions.every(({ source }) => source === 'local')).toBe(true);
    // Five calls of 50 ms open the circuit; 20 calls of 400 ms would take 8 s.
    expect(ms).toBeLessThan(4_000);
  });
});

describe('four processes', () => {
  const child = fileURLToPath(new URL('./testing/child.ts', import.meta.url));
  /** What the processes of a fleet admitted, once all of them are there: Redis' time and units. */
  const runs = async (fleet: readonly Fleet[]): Promise<[number, number][]> => {
    const children = fleet.map((options) =>
      spawn(process.execPath, [child, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const lines = children.map(({ stdout }) => createInterface(stdout)[Symbol.asyncIterator]());
    for (const line of lines) expect((await line.next()).value).toBe('ready');
    for (const { stdin } of children) stdin.end('go');
    const outputs = await Promise.all(lines.map((line) => line.next()));
    return outputs.flatMap(({ value }) => JSON.parse(value as string) as [number, number][]);
  };

  test('with 50 requests in flight each admit exactly the quota of one key', async () => {
    const { port } = await server();
    const fleet = { port, quota: 200, windowSeconds: 60, cost: 1, forMs: 500 };
    const admitted = await runs([fleet, fleet, fleet, fleet]);
    expect(admitted).toHaveLength(200);
  });

  test('of mixed costs admit exactly the quota in each window, and never more in any that lies across two', async () => {
    const { port } = await server();
    const fleet = { port, quota: 100, windowSeconds: 2, forMs: 5_000 };
    // As while a change of the cost is rolled out. What costs 1 uses up what 3 and 7 leave.
    const admitted = await runs([1, 1, 3, 7].map((cost) => ({ ...fleet, cost })));
    const log = new Log();
    for (const [at, units] of admitted) log.admit(at, units);
    expect(log.worst(2_000)).toBe(100);
    // A unit comes back with its sub-bucket: 61 of 34 ms after its own began at the latest.
    const first = Math.min(...admitted.map(([at]) => at));
    expect(log.within(2_000, first + 1_999)).toBe(100);
    expect(log.within(4_148, first + 4_147)).toBeGreaterThanOrEqual(200);
  }, 60_000);
});

describe('a cluster of three nodes', () => {
  test('decides across slots, and gives back what a later denial voids', async () => {
    const nodes = await Promise.all(
      [1, 2, 3].map(async () =>
        server({ port: String(await freePort()), 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' }),
      ),
    );
    const direct = await Promise.all(nodes.map(({ port }) => connectForTest(port)));
    cleanUp.push(() => direct.map((connection) => connection.disconnect()));
    const bounds = [0, 5_461, 10_923, 16_384];
    await Promise.all(
      direct.map((connection, i) =>
        connection.call('CLUSTER', 'ADDSLOTSRANGE', String(bounds[i]), String((bounds[i + 1] ?? 0) - 1)),
      ),
    );
    await Promise.all(
      direct.map((connection, i) => connection.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))),
    );
    for (const node of nodes.slice(1))
      await direct[0]?.call('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
    await until(async () => {
      const states = await Promise.all(direct.map((connection) => connection.call('CLUSTER', 'INFO')));
      return states.every(
        (state) =>
          String(state).includes('cluster_state:ok') && String(state).includes('cluster_known_nodes:3'),
      );
    });
    const cluster = new Cluster(
      nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
      { enableOfflineQueue: true },
    );
    cluster.on('error', () => {});
    cleanUp.push(() => cluster.disconnect());
    await once(cluster, 'ready');
    const both: Policy[] = [
      {
        name: 'default',
        scope: 'user',
        quota: 100,
        windowSeconds: 60,
        cost: 1,
        onStoreError: 'local',
        mode: 'enforce',
      },
      {
        name: 'global',
        scope: 'global',
        quota: 30,
        windowSeconds: 60,
        cost: 1,
        onStoreError: 'local',
        mode: 'enforce',
      },
    ];
    const limiter = createRateLimiter({ redis: cluster, policies: both, denyCache: 0, deadlineMs: 2_000 });
    const users = Array.from({ length: 9 }, (_, i) => `user-${i}`);
    const decisions = await Promise.all(
      Array.from({ length: 90 }, (_, i) =>
        limiter.check({ ip: '192.0.2.1', userId: users[i % users.length] }, ['default', 'global']),
      ),
    );
    expect(decisions.filter(({ outcome }) => outcome === 'allow')).toHaveLength(30);
    expect(decisions.filter(({ source }) => source === 'redis')).toHaveLength(90);
    const consumed = await Promise.all(
      users.map(async (user) => (await limiter.explain(user))[0]?.consumed ?? 0),
    );
    expect(consumed.reduce((sum, units) => sum + units, 0)).toBe(30);
  });
});
