import type { RedisClient } from './connect.ts';

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
