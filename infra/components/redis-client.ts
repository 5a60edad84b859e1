import { plainValue, type SecretFile } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';

/** Users of Redis that hold a password, and the setting that names each where somebody else runs Redis. */
const externalUsers = {
  'case-data': 'data',
  'case-limiter': 'limiter',
  'sentinel-client': 'sentinel',
  exporter: 'exporter',
} as const;

/** Key of a Redis user's password: of the generation in use, or configured where somebody else runs Redis. */
export function passwordKey(
  settings: Pick<Settings, 'redis' | 'secrets'>,
  user: string,
  generation = settings.secrets.redisPasswords.active,
) {
  const { mode, external } = settings.redis;
  if (mode !== 'external' || !external) return `password/redis/${user}/${generation}`;
  if (external.authentication === 'password') return 'config/redis-external-password';
  return `config/redis-external-${external.users[externalUsers[user as keyof typeof externalUsers]]}`;
}

/** The file with a Redis user's password. */
export function redisPassword(settings: Pick<Settings, 'redis' | 'secrets'>, user: string): SecretFile {
  return plainValue(passwordKey(settings, user));
}
