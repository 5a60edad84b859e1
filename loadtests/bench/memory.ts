import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { createRateLimiter } from '../../limiter/index.ts';
import { type RedisServer, startRedis } from '../../test/support/redis.ts';

/** Figures of one run: the limiter itself plants one window per user in a Redis of its own. */
interface Row {
  readonly users: number;
  /** `used_memory` per window, bytes: key, value, and the tables around them. */
  readonly bytesPerWindow: number;
  /** Processor time of Redis per decision of one rule, microseconds. */
  readonly redisMicros: number;
}

const file = fileURLToPath(new URL('../capacity.json', import.meta.url));

/** Measures the memory of Redis per user and writes it to loadtests/capacity.json. */
export async function measureMemory(): Promise<number> {
  const rows: Row[] = [];
  for (const users of [1_000, 100_000, 1_000_000]) {
    const server = await startRedis();
    try {
      rows.push(await measure(server, users));
      console.log(rows.at(-1));
    } finally {
      await server.stop();
    }
  }
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as object) : {};
  const memory = { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, rows };
  writeFileSync(file, `${JSON.stringify({ ...known, memory }, null, 2)}\n`);
  return 0;
}

async function measure(server: RedisServer, users: number): Promise<Row> {
  const redis = new Redis(server.url, { maxRetriesPerRequest: 0 });
  // A deadline that a busy machine keeps too: local decisions plant nothing.
  const limiter = createRateLimiter({ redis, deadlineMs: 10_000, denyCache: 0 });
  await limiter.check({ ip: '192.0.2.1', userId: 'warm' }, ['default']);
  const before = await info(redis);
  const batch = 1_000;
  for (let first = 0; first < users; first += batch) {
    await Promise.all(
      Array.from({ length: Math.min(batch, users - first) }, (_, i) =>
        limiter.check({ ip: '192.0.2.1', userId: `user-${first + i}` }, ['default']),
      ),
    );
  }
  const after = await info(redis);
  const keys = await redis.dbsize();
  redis.disconnect();
  // Windows end after a minute: a run that took longer would have lost some, and says so.
  if (keys < users)
    throw new Error(`only ${keys} of ${users} windows are left; the machine is too slow for this`);
  return {
    users,
    bytesPerWindow: Math.round((after.memory - before.memory) / users),
    redisMicros: Number((((after.cpu - before.cpu) * 1e6) / users).toFixed(2)),
  };
}

async function info(redis: Redis): Promise<{ memory: number; cpu: number }> {
  const text = await redis.info();
  const number = (name: string) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1]);
  return {
    memory: number('used_memory') - number('mem_clients_normal'),
    cpu: number('used_cpu_user') + number('used_cpu_sys'),
  };
}
