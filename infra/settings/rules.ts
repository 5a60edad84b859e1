import { problem, type Rule } from './rule.ts';
import { observability } from './rules-observability.ts';
import { production } from './rules-production.ts';
import { mostReplicas, service } from './rules-service.ts';
import type { Settings } from './schema.ts';

/** Connections when there are most pods: an update briefly doubles them; exporter, backup, replicas and Sentinels take some too. */
const connectionsNeeded = (app: Settings['app']): number =>
  2 * mostReplicas({ app }) * app.connectionsPerReplica + 20;

const redis: readonly Rule[] = [
  ({ redis: store, app }) =>
    problem(
      store.mode !== 'external' && connectionsNeeded(app) > store.maxclients,
      () =>
        `redis.maxclients: ${store.maxclients} is too few for ${mostReplicas({ app })} pods with app.connectionsPerReplica ${app.connectionsPerReplica} during an update; at least ${connectionsNeeded(app)}`,
    ),
  ({ redis: store }) =>
    problem(
      store.mode !== 'external' && store.storage * 1024 < 3 * store.maxmemory,
      () =>
        `redis.storage: ${store.storage} does not hold an append-only file while it is rewritten; at least ${Math.ceil((3 * store.maxmemory) / 1024)}`,
    ),
  ({ redis: { mode, maxmemory, backup } }) =>
    problem(
      mode !== 'external' && backup.enabled && backup.storage * 1024 < (backup.keep + 1) * maxmemory,
      () =>
        `redis.backup.storage: ${backup.storage} does not hold ${backup.keep + 1} copies of redis.maxmemory; at least ${Math.ceil(((backup.keep + 1) * maxmemory) / 1024)}`,
    ),
  ({ redis: store }) =>
    problem(
      store.mode === 'external' && !store.external,
      () => 'redis.external: is missing; redis.mode external needs it',
    ),
  ({ redis: store }) =>
    problem(
      store.mode !== 'external' && store.external !== undefined,
      () => `redis.external: redis.mode ${store.mode} does not use it; remove it`,
    ),
  ({ redis: { external } }) =>
    problem(
      external !== undefined && external.servers.length === 0,
      () => 'redis.external.servers: is empty; at least one host:port',
    ),
  ({ redis: { external } }) =>
    problem(
      external !== undefined && external.cidrs.length === 0,
      () => 'redis.external.cidrs: is empty; nothing may leave the cluster without them',
    ),
  ({ redis: { external } }) =>
    problem(
      external !== undefined && !external.cluster && external.servers.length > 1,
      () =>
        `redis.external.servers: ${external?.servers.length} servers without redis.external.cluster; exactly one`,
    ),
];

const edge: readonly Rule[] = [
  ({ edge: door }) =>
    problem(
      door.controller === 'existing' && !door.existing,
      () => 'edge.existing: is missing; edge.controller existing needs it',
    ),
  ({ edge: door }) =>
    problem(
      door.controller === 'traefik' && door.existing !== undefined,
      () => 'edge.existing: edge.controller traefik does not use it; remove it',
    ),
  ({ edge: door }) =>
    problem(
      door.serviceType === 'NodePort' && door.nodePort === undefined,
      () => 'edge.nodePort: is missing; edge.serviceType NodePort needs it',
    ),
  ({ edge: door }) =>
    problem(
      door.serviceType !== 'NodePort' && door.nodePort !== undefined,
      () =>
        `edge.nodePort: ${door.nodePort} is of no use with edge.serviceType ${door.serviceType}; remove it`,
    ),
  ({ edge: door, cluster }) =>
    problem(
      door.controller === 'traefik' && cluster.apiServerCidrs.length === 0,
      () => 'cluster.apiServerCidrs: is empty; edge.controller traefik reads routes from the API server',
    ),
  ({ cluster }) =>
    problem(
      cluster.podCidrs.length === 0,
      () => 'cluster.podCidrs: is empty; the service would trust no forwarded address',
    ),
  ({ tls }) =>
    problem(
      tls.renewBeforeHours >= tls.durationHours,
      () =>
        `tls.renewBeforeHours: ${tls.renewBeforeHours} is not less than tls.durationHours, which is ${tls.durationHours}`,
    ),
  ({ tls }) =>
    problem(
      tls.issuer === 'cert-manager' && !tls.edgeIssuer,
      () => 'tls.edgeIssuer: is missing; tls.issuer cert-manager needs it',
    ),
  ({ tls }) =>
    problem(
      tls.issuer === 'cert-manager' && !tls.internalIssuer,
      () => 'tls.internalIssuer: is missing; tls.issuer cert-manager needs it',
    ),
  ({ tls }) =>
    problem(
      tls.issuer === 'generated' && (tls.edgeIssuer !== undefined || tls.internalIssuer !== undefined),
      () => 'tls.issuer: generated uses neither tls.edgeIssuer nor tls.internalIssuer; remove them',
    ),
];

const secrets: readonly Rule[] = [
  ...(['tokenKeys', 'dataKeys', 'redisPasswords'] as const).map(
    (key): Rule =>
      ({ secrets: { [key]: ring } }) =>
        problem(
          !ring.accepted.includes(ring.active),
          () =>
            `secrets.${key}.active: ${ring.active} is not accepted; one of secrets.${key}.accepted, which are ${ring.accepted.join(', ') || 'none'}`,
        ),
  ),
  ({ secrets: { source }, app }) =>
    problem(
      source === 'existing' && app.users.length > 0,
      () => 'app.users: secrets.source existing brings its own users.json; remove them',
    ),
];

const place: Rule = ({ namespace }) =>
  problem(
    /^(default|kube-.*)$/.test(namespace),
    () => `namespace: ${namespace} belongs to the cluster; any name but default and kube-*`,
  );

/** All rules, in the order in which their problems are listed. */
export const rules: readonly Rule[] = [
  place,
  ...service,
  ...redis,
  ...edge,
  ...observability,
  ...secrets,
  ...production,
];
