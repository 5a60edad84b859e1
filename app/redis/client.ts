import { Cluster, type Redis } from 'ioredis';

/** A connection to one Redis, to the primary that Sentinels name, or to a cluster. */
export type RedisClient = Redis | Cluster;

/** The two roles of Redis: `data` must answer, `limiter` has a local substitute. */
export type StoreRole = 'data' | 'limiter';

/** Runs a Lua script that reads and writes `keys` only; in a cluster all of them share a slot. */
export type Script = (
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
) => Promise<unknown>;

/**
 * Makes a script callable by name. It goes over the wire as EVALSHA, and once more as EVAL where the server does not
 * know it yet, so that a restarted Redis costs one extra round trip and no error.
 */
export function defineScript(client: RedisClient, name: string, lua: string): Script {
  client.defineCommand(name, { lua });
  const command = (client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name];
  if (command === undefined) throw new Error(`script ${name} was not defined`);
  return (keys, args) => command.call(client, keys.length, ...keys, ...args);
}

/** Removes a key that still holds a value. KEYS: key. ARGV: value. 1 if it did, else 0. */
export const releaseLua = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/** The servers that take writes. */
export const primariesOf = (redis: RedisClient): Redis[] =>
  redis instanceof Cluster ? redis.nodes('master') : [redis];

/** Keys that match a pattern, by the batch, from every primary. A key may come twice, as `SCAN` has it. */
export async function* scanKeys(redis: RedisClient, pattern: string): AsyncGenerator<string[]> {
  for (const node of primariesOf(redis)) {
    let cursor = '0';
    do {
      const [next, found] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', 500);
      cursor = next;
      if (found.length > 0) yield found;
    } while (cursor !== '0');
  }
}

/** Replies by which a Redis says that it cannot serve now, rather than that the call was wrong. */
const unavailableReplies =
  /^(LOADING|MASTERDOWN|READONLY|OOM|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MISCONF|NOAUTH|WRONGPASS|BUSY|UNKILLABLE)\b/;

/** The errors of ioredis for a failed connection, not a failed command. */
const connectionFailures =
  /Connection is closed|Command timed out|Stream isn't writeable|max retries per request|ECONN|EPIPE|ETIMEDOUT|None of startup nodes|ClusterAllFailed|All sentinels are unreachable|Socket timeout/;

/** Returns true for an error after which the call may or may not have been carried out, because the store did not answer. */
export function isStoreFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'ReplyError') return unavailableReplies.test(error.message);
  return connectionFailures.test(error.message) || error.name === 'MaxRetriesPerRequestError';
}
