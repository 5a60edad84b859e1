import { ports } from '../../contract/ports.ts';
import type { Settings } from './schema.ts';

/** The name that Sentinel knows the primary by. */
export const primaryName = 'simple378';
/** Servers of mode `sentinel`; an odd number, so that a majority is always clear. */
export const sentinelServers = 3;
/** Where the service finds the authority of an external Redis. */
export const redisAuthorityDirectory = '/etc/redis-authority';

/** Returns the pods of the service when there are most, for shares and connections. */
export function mostReplicas({ app }: Pick<Settings, 'app'>): number {
  return app.autoscaling?.maxReplicas ?? app.replicas;
}

/** Returns the host names of the Redis pods, as announced to clients and written in certificates. */
export function redisHosts({ redis, namespace }: Pick<Settings, 'redis' | 'namespace'>): string[] {
  const count = redis.mode === 'sentinel' ? sentinelServers : 1;
  return Array.from({ length: count }, (_, index) => `redis-${index}.redis.${namespace}.svc`);
}

/** Returns the environment variables of the service; those of the limiter only where the service limits itself. */
export function serviceEnvironment(settings: Settings): Record<string, string> {
  const { POLICIES_FILE, REDIS_LIMITER_USER, ...others } = imageEnvironment(settings);
  return settings.app.limits === 'service' ? imageEnvironment(settings) : others;
}

/** Returns the environment variables of the image in both of its roles; `contract/service-settings.ts` defines each. */
export function imageEnvironment(settings: Settings): Record<string, string> {
  const { app, cluster, edge, namespace, tracing } = settings;
  return {
    ENVIRONMENT: settings.environment,
    ...(cluster.ipFamilies.includes('IPv6') ? { LISTEN_HOST: '::' } : {}),
    SECRETS_DIR: '/run/secrets/case-service',
    TLS_DIR: '/run/tls',
    POLICIES_FILE: '/etc/case-service/policies.json',
    ...redisEnvironment(settings),
    TOKEN_ISSUER: `https://${edge.host}`,
    REPLICAS: String(mostReplicas(settings)),
    TRUSTED_PROXIES: cluster.podCidrs.join(','),
    ALLOWED_ORIGINS: app.allowedOrigins.join(','),
    LOG_LEVEL: app.logLevel,
    DRAIN_SECONDS: String(app.drainSeconds),
    SHUTDOWN_SECONDS: String(app.shutdownSeconds),
    ...(tracing.enabled
      ? {
          OTEL_EXPORTER_OTLP_ENDPOINT: `https://otel-collector.${namespace}.svc:${ports.otlp}`,
          OTEL_EXPORTER_OTLP_CERTIFICATE: '/run/tls/ca.crt',
          OTEL_TRACES_SAMPLER_ARG: String(tracing.sampleRatio),
        }
      : {}),
  };
}

function redisEnvironment(settings: Settings): Record<string, string> {
  const { mode, external } = settings.redis;
  if (mode === 'external') return external ? externalRedis(external) : {};
  const trust = { REDIS_CA_FILE: '/run/tls/ca.crt' };
  if (mode === 'single')
    return {
      REDIS_MODE: 'single',
      REDIS_URL: `rediss://redis.${settings.namespace}.svc:${ports.redis}`,
      ...trust,
    };
  return {
    REDIS_MODE: 'sentinel',
    REDIS_SENTINELS: redisHosts(settings)
      .map((host) => `${host}:${ports.sentinel}`)
      .join(','),
    REDIS_SENTINEL_MASTER: primaryName,
    ...trust,
  };
}

function externalRedis(external: NonNullable<Settings['redis']['external']>): Record<string, string> {
  const { servers, cluster, sentinelPrimary, authentication, users, ca } = external;
  const named = authentication === 'users';
  return {
    ...(sentinelPrimary === undefined
      ? {
          REDIS_MODE: cluster ? 'cluster' : 'single',
          REDIS_URL: servers.map((server) => `rediss://${server}`).join(','),
        }
      : {
          REDIS_MODE: 'sentinel',
          REDIS_SENTINELS: servers.join(','),
          REDIS_SENTINEL_MASTER: sentinelPrimary,
          REDIS_SENTINEL_USER: named ? users.sentinel : '',
        }),
    REDIS_DATA_USER: named ? users.data : '',
    REDIS_LIMITER_USER: named ? users.limiter : '',
    ...(ca === undefined ? {} : { REDIS_CA_FILE: `${redisAuthorityDirectory}/ca.crt` }),
  };
}
