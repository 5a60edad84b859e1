import { defineScript, type RedisClient, type Script } from '../redis/client.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Users named in the metric; the others are summed up. */
const mostNamed = 100;
/** Seconds for which a drained queue still shows 0. */
const shownAfterDraining = 300;
/** Seconds after which a client that never came back is forgotten. */
const forgottenAfter = 86_400;

const keys = [
  'cs:v1:{sync}:depth',
  'cs:v1:{sync}:drained',
  'cs:v1:{sync}:seen',
  'cs:v1:{sync}:total',
] as const;

/** KEYS: depth, drained, seen, total. ARGV: user, depth. Sets a user's depth and keeps the total true. */
const setLua = `
local now = tonumber(redis.call('TIME')[1])
local old = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
local new = tonumber(ARGV[2])
redis.call('INCRBY', KEYS[4], new - old)
if new > 0 then
  redis.call('ZADD', KEYS[1], new, ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
elseif old > 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('ZADD', KEYS[2], now, ARGV[1])
end
redis.call('ZADD', KEYS[3], now, ARGV[1])
return 1`;

/** KEYS as above. ARGV: most named, seconds shown after draining, seconds until forgotten. Total, then user and depth pairs. */
const readLua = `
local now = tonumber(redis.call('TIME')[1])
for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[3], 'LIMIT', 0, 1000)) do
  redis.call('INCRBY', KEYS[4], -tonumber(redis.call('ZSCORE', KEYS[1], user) or 0))
  redis.call('ZREM', KEYS[1], user)
  redis.call('ZREM', KEYS[3], user)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])
local top = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
local reply = { tonumber(redis.call('GET', KEYS[4]) or 0) }
for _, value in ipairs(top) do reply[#reply + 1] = value end
local left = ARGV[1] - #top / 2
if left > 0 then
  for _, user in ipairs(redis.call('ZREVRANGE', KEYS[2], 0, left - 1)) do
    reply[#reply + 1] = user
    reply[#reply + 1] = '0'
  end
end
return reply`;

/**
 * How many offline operations each user's client still holds or has sent: the fleet's state in Redis, read at each scrape
 * (`ZADD`, `ZREM`, `ZSCORE`, `ZRANGEBYSCORE`, `ZREMRANGEBYSCORE`, `ZREVRANGE`, `INCRBY`, `GET`, `TIME`). The 100 deepest queues are named.
 */
export class QueueDepth {
  readonly #redis: RedisClient;
  readonly #set: Script;

  constructor(redis: RedisClient, metrics: Metrics) {
    this.#redis = redis;
    this.#set = defineScript(redis, 'setQueueDepth', setLua);
    const read = defineScript(redis, 'readQueueDepth', readLua);
    const gauge = metrics.offline_sync_queue_depth;
    gauge.collectWith(async () => {
      let reply: (string | number)[];
      try {
        reply = (await read(keys, [mostNamed, shownAfterDraining, forgottenAfter])) as (string | number)[];
      } catch {
        return;
      }
      gauge.reset();
      let others = Number(reply[0]);
      for (let i = 1; i < reply.length; i += 2) {
        const depth = Number(reply[i + 1]);
        gauge.set({ user_id: String(reply[i]) }, depth);
        others -= depth;
      }
      if (others > 0) gauge.set({ user_id: 'other' }, others);
    });
  }

  /** Says how many operations of a user are not yet applied. */
  async set(userId: string, depth: number): Promise<void> {
    await this.#set(keys, [userId, depth]);
  }

  /** What was last said of a user. */
  async get(userId: string): Promise<{ depth: number; lastSyncAt: string | null }> {
    const [depth, seen] = await Promise.all([
      this.#redis.zscore(keys[0], userId),
      this.#redis.zscore(keys[2], userId),
    ]);
    return {
      depth: Number(depth ?? 0),
      lastSyncAt: seen === null ? null : new Date(Number(seen) * 1_000).toISOString(),
    };
  }
}
