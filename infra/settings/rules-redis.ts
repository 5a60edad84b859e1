import { X509Certificate } from 'node:crypto';
import { longestGapMinutes } from './cron.ts';
import { type Rule, refuse, refuseEach, repeated } from './rule.ts';
import type { Settings } from './schema.ts';
import { mostReplicas } from './service-environment.ts';

/** Connections when there are most pods: an update briefly doubles them; a limit gateway has two a pod; exporter, backup, replicas and Sentinels take some too. */
const connectionsNeeded = (app: Settings['app']): number =>
  2 * mostReplicas({ app }) * app.connectionsPerReplica + 4 * (app.limitGateway?.replicas ?? 0) + 20;

const external = ({ redis }: Settings) => (redis.mode === 'external' ? redis.external : undefined);
const isManaged = ({ redis }: Settings) => redis.mode !== 'external';
const takesBackups = (settings: Settings) => isManaged(settings) && settings.redis.backup.enabled;

/** The schedule's error, or its longest gap in minutes. */
function scheduleOf({ redis: { backup } }: Settings): { error: string } | { minutes: number } {
  try {
    return { minutes: longestGapMinutes(backup.schedule) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
const gapHours = (settings: Settings): number => {
  const schedule = scheduleOf(settings);
  return 'minutes' in schedule ? schedule.minutes / 60 : 0;
};

/** Redis: sizes, backups, and a Redis that somebody else runs. */
export const redis: readonly Rule[] = [
  refuse(
    (s) => isManaged(s) && connectionsNeeded(s.app) > s.redis.maxclients,
    ({ redis: { maxclients }, app }) =>
      `redis.maxclients: ${maxclients} is too few for ${mostReplicas({ app })} pods with app.connectionsPerReplica ${app.connectionsPerReplica} during an update; at least ${connectionsNeeded(app)}`,
  ),
  refuse(
    (s) => isManaged(s) && s.redis.storage * 1024 < 3 * s.redis.maxmemory,
    ({ redis: { storage, maxmemory } }) =>
      `redis.storage: ${storage} does not hold an append-only file while it is rewritten; at least ${Math.ceil((3 * maxmemory) / 1024)}`,
  ),
  refuse(
    (s) => takesBackups(s) && s.redis.backup.storage * 1024 < (s.redis.backup.keep + 1) * s.redis.maxmemory,
    ({ redis: { maxmemory, backup } }) =>
      `redis.backup.storage: ${backup.storage} does not hold ${backup.keep + 1} copies of redis.maxmemory; at least ${Math.ceil(((backup.keep + 1) * maxmemory) / 1024)}`,
  ),
  (settings) => {
    const { schedule } = settings.redis.backup;
    const read = scheduleOf(settings);
    if ('error' in read)
      return [`redis.backup.schedule: ${schedule} is no schedule: ${read.error}; correct that field`];
    return read.minutes === Number.POSITIVE_INFINITY
      ? [`redis.backup.schedule: ${schedule} never runs twice; name a day that every year has`]
      : [];
  },
  refuse(
    (s) => takesBackups(s) && Number.isFinite(gapHours(s)) && s.redis.backup.maxAgeHours < gapHours(s),
    (s) =>
      `redis.backup.maxAgeHours: ${s.redis.backup.maxAgeHours} is shorter than the ${Math.ceil(gapHours(s))} h between two runs of redis.backup.schedule ${s.redis.backup.schedule}, and would raise an alert each time; at least ${Math.ceil(gapHours(s)) + 1}`,
  ),
  refuse(
    ({ redis: { mode, external: given } }) => mode === 'external' && !given,
    () => 'redis.external: is missing; redis.mode external needs it',
  ),
  refuse(
    ({ redis: { mode, external: given } }) => mode !== 'external' && given !== undefined,
    ({ redis: { mode } }) => `redis.external: redis.mode ${mode} does not use it; remove it`,
  ),
  refuse(
    ({ redis: { external: given } }) => given?.servers.length === 0,
    () => 'redis.external.servers: is empty; at least one host:port',
  ),
  refuse(
    ({ redis: { external: given } }) => given?.cidrs.length === 0,
    () => 'redis.external.cidrs: is empty; nothing may leave the cluster without them',
  ),
  refuse(
    ({ redis: { external: given } }) =>
      given && !given.cluster && given.sentinelPrimary === undefined && given.servers.length > 1,
    ({ redis: { external: given } }) =>
      `redis.external.servers: ${given?.servers.length} servers without redis.external.cluster; exactly one`,
  ),
  refuse(
    (s) => external(s)?.cluster && external(s)?.sentinelPrimary !== undefined,
    () =>
      'redis.external.sentinelPrimary: a Redis Cluster has no Sentinels; remove it, or set cluster to false',
  ),
  refuse(
    (s) => external(s)?.nodePorts && !external(s)?.cluster,
    () =>
      'redis.external.nodePorts: only the nodes of a Redis Cluster move; remove it, or set cluster to true',
  ),
  refuse(
    (s) => Number(external(s)?.nodePorts?.from) > Number(external(s)?.nodePorts?.to),
    (s) =>
      `redis.external.nodePorts.from: ${external(s)?.nodePorts?.from} is above to, which is ${external(s)?.nodePorts?.to}; swap them`,
  ),
  refuseEach(
    (s) => badCertificates(external(s)?.ca),
    (reason) => `redis.external.ca: ${reason}; give the authority's certificates in PEM form`,
  ),
  refuseEach(
    (s) => {
      const given = external(s);
      return given?.authentication === 'users' ? repeated(['password', ...Object.values(given.users)]) : [];
    },
    (user) =>
      `redis.external.users: ${user} is there twice, or is the name of the password's secret; give each connection a user of its own`,
  ),
];

function badCertificates(pem: string | undefined): string[] {
  return (pem?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).flatMap(
    (text, index) => {
      try {
        return new X509Certificate(text).ca ? [] : [`certificate ${index + 1} is of no authority`];
      } catch {
        return [`certificate ${index + 1} cannot be read`];
      }
    },
  );
}
