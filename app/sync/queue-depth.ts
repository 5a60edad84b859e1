import { defineScript, type RedisClient, type Script } from '../redis/client.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** Users named in the metric, the deepest queues; the others are summed up. */
const maxNamed = 20;
/** Users that the fleet names anew per hour: each one is a new series on every replica. */
const maxNewNames = 60;
/** Operations of one user that the metric counts. */
const maxCounted = 10_000;
/** Seconds for which a drained queue still shows 0. */
const shownAfterDraining = 300;
/** Seconds after which a client that never came back is forgotten. */
const forgottenAfter = 86_400;

const keys = [
  'cs:v1:{sync}:depth',
  'cs:v1:{sync}:drained',
  'cs:v1:{sync}:seen',
  'cs:v1:{sync}:counted',
  'cs:v1:{sync}:named',
] as const;

/** Seconds that the keys outlive their last change. */
const keySeconds = 2 * forgottenAfter;

/**
 * Sets a user's depth and keeps the sum of what is counted of each.
 * KEYS: depth, drained, time of the last report, sum, named users. ARGV: user, depth, maximum counted, life of the keys.
 */
const setLua = `
local now = tonumber(redis.call('TIME')[1])
local most = tonumber(ARGV[3])
local old = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
local new = tonumber(ARGV[2])
redis.call('INCRBY', KEYS[4], math.min(new, most) - math.min(old, most))
if new > 0 then
  redis.call('ZADD', KEYS[1], new, ARGV[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
elseif old > 0 then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('ZADD', KEYS[2], now, ARGV[1])
end
redis.call('ZADD', KEYS[3], now, ARGV[1])
for i = 1, 4 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
return 1`;

/**
 * Reads the sum, then pairs of user and depth.
 * KEYS as above. ARGV: maximum named, seconds shown after draining, seconds until forgotten, maximum counted, new names
 * per hour. A user that was named stays nameable for an hour; when the hour's names are used up the others are not named.
 */
const readLua = `
local now = tonumber(redis.call('TIME')[1])
local most = tonumber(ARGV[4])
for _, user in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[3], 'LIMIT', 0, 1000)) do
  redis.call('INCRBY', KEYS[4], -math.min(most, tonumber(redis.call('ZSCORE', KEYS[1], user) or 0)))
  redis.call('ZREM', KEYS[1], user)
  redis.call('ZREM', KEYS[3], user)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - 3600)
local names = redis.call('ZCARD', KEYS[5])
local reply = { tonumber(redis.call('GET', KEYS[4]) or 0) }
local function name(user, depth)
  if not redis.call('ZSCORE', KEYS[5], user) then
    if names >= tonumber(ARGV[5]) then return end
    names = names + 1
    redis.call('ZADD', KEYS[5], now, user)
    redis.call('EXPIRE', KEYS[5], 3600)
  end
  reply[#reply + 1] = user
  reply[#reply + 1] = tostring(math.min(most, depth))
end
local top = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
for i = 1, #top, 2 do name(top[i], tonumber(top[i + 1])) end
local left = ARGV[1] - #top / 2
if left > 0 then
  for _, user in ipairs(redis.call('ZREVRANGE', KEYS[2], 0, left - 1)) do name(user, 0) end
end
return reply`;

/**
 * How many offline operations each user's client still holds or has sent: the fleet's state in Redis, read at each scrape
 * (`ZADD`, `ZREM`, `ZSCORE`, `ZRANGEBYSCORE`, `ZREMRANGEBYSCORE`, `ZREVRANGE`, `ZCARD`, `INCRBY`, `EXPIRE`, `GET`, `TIME`). The 20
 * deepest queues are named.
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
        const limits = [maxNamed, shownAfterDraining, forgottenAfter, maxCounted, maxNewNames];
        reply = (await read(keys, limits)) as (string | number)[];
      } catch {
        gauge.reset();
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
    await this.#set(keys, [userId, depth, maxCounted, keySeconds]);
  }

  /** The last report of a user. */
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
