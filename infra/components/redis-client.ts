import { plainValue, type SecretFile } from '../kubernetes/manifest.ts';
import { ports } from '../network/connections.ts';
import type { Settings } from '../settings/index.ts';

/** The name that Sentinel knows the primary by. */
export const primaryName = 'simple378';
/** Servers of mode `sentinel`; an odd number, so that a majority is always clear. */
export const sentinelServers = 3;

/** Host names of the Redis pods, as announced to clients and written in certificates. */
export function redisHosts(settings: Settings): string[] {
  const count = settings.redis.mode === 'sentinel' ? sentinelServers : 1;
  return Array.from({ length: count }, (_, index) => `redis-${index}.redis.${settings.namespace}.svc`);
}

/** How the service finds Redis: the environment of its contract. */
export function redisClientEnvironment(settings: Settings, caFile: string): Record<string, string> {
  const { mode, external } = settings.redis;
  if (mode === 'external' && external)
    return {
      REDIS_MODE: external.cluster ? 'cluster' : 'single',
      REDIS_URL: external.servers.map((server) => `rediss://${server}`).join(','),
    };
  if (mode === 'sentinel')
    return {
      REDIS_MODE: 'sentinel',
      REDIS_SENTINELS: redisHosts(settings)
        .map((host) => `${host}:${ports.sentinel}`)
        .join(','),
      REDIS_SENTINEL_MASTER: primaryName,
      REDIS_CA_FILE: caFile,
    };
  return {
    REDIS_MODE: 'single',
    REDIS_URL: `rediss://redis.${settings.namespace}.svc:${ports.redis}`,
    REDIS_CA_FILE: caFile,
  };
}

/** Key of a Redis user's password: of the generation in use, or configured where somebody else runs Redis. */
export function passwordKey(
  settings: Settings,
  user: string,
  generation = settings.secrets.redisPasswords.active,
) {
  if (settings.redis.mode === 'external') return `config/redis-external-${user}`;
  return `password/redis/${user}/${generation}`;
}

/** The file with a Redis user's password. */
export function redisPassword(settings: Settings, user: string): SecretFile {
  return plainValue(passwordKey(settings, user));
}
