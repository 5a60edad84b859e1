import { defaultPolicies } from '../../app/src/limiter/policies.ts';
import { longestWindowSeconds, shortestWindowSeconds } from '../../slo/index.ts';
import { testedPerReplica } from './capacity.ts';
import { limitsOf } from './limits.ts';
import { problem, type Rule } from './rule.ts';
import { production } from './rules-production.ts';
import type { Settings } from './schema.ts';

const repeated = (values: readonly string[]): string[] =>
  values.filter((value, index) => values.indexOf(value) !== index);

/** Pods of the service when there are most, for shares and connections. */
export function mostReplicas(settings: Settings): number {
  return settings.app.autoscaling?.maxReplicas ?? settings.app.replicas;
}

const observability: Rule = ({ prometheus, alertmanager, grafana, tracing }) => [
  ...problem(
    prometheus.retentionDays * 86_400 < longestWindowSeconds,
    () =>
      `prometheus.retentionDays: ${prometheus.retentionDays} is shorter than the longest SLO window; at least ${Math.ceil(longestWindowSeconds / 86_400)}`,
  ),
  ...problem(
    prometheus.scrapeIntervalSeconds > shortestWindowSeconds / 4,
    () =>
      `prometheus.scrapeIntervalSeconds: ${prometheus.scrapeIntervalSeconds} leaves too few samples in the shortest window; at most ${shortestWindowSeconds / 4}`,
  ),
  ...repeated(alertmanager.receivers.map(({ name }) => name)).map(
    (name) => `alertmanager.receivers: ${name} is there twice; names must differ`,
  ),
  ...alertmanager.receivers.flatMap(({ name, cidrs }) =>
    problem(
      cidrs.length === 0,
      () => `alertmanager.receivers: ${name} has no cidrs; nothing may leave the cluster without them`,
    ),
  ),
  ...alertmanager.receivers.flatMap(({ name, kind, channel, mail }) => [
    ...problem(
      (kind === 'email') !== (mail !== undefined),
      () => `alertmanager.receivers: ${name} is of kind ${kind}; mail belongs to kind email, and to no other`,
    ),
    ...problem(
      channel !== undefined && kind !== 'slack',
      () => `alertmanager.receivers: ${name} is of kind ${kind}; channel belongs to kind slack`,
    ),
  ]),
  ...problem(
    tracing.external?.cidrs.length === 0,
    () => 'tracing.external.cidrs: is empty; nothing may leave the cluster without them',
  ),
  ...problem(
    grafana.mode === 'external' && !grafana.url,
    () => 'grafana.url: is missing; grafana.mode external needs it',
  ),
  ...problem(
    grafana.mode === 'external' && !grafana.prometheusUrl,
    () => 'grafana.prometheusUrl: is missing; grafana.mode external needs it',
  ),
  ...problem(
    grafana.mode === 'external' && grafana.oidc !== undefined,
    () => 'grafana.oidc: only grafana.mode provisioned uses it; remove it',
  ),
];

const service: Rule = (settings) => {
  const { app, edge, limits } = settings;
  const most = mostReplicas(settings);
  return [
    ...problem(
      app.minAvailable >= app.replicas,
      () =>
        `app.minAvailable: ${app.minAvailable} would block every drain; less than app.replicas, which is ${app.replicas}`,
    ),
    ...problem(
      most < app.replicas,
      () => `app.autoscaling.maxReplicas: ${most} is below app.replicas, which is ${app.replicas}`,
    ),
    ...problem(
      edge.requestTimeoutSeconds > app.shutdownSeconds,
      () =>
        `edge.requestTimeoutSeconds: ${edge.requestTimeoutSeconds} outlives a stopping pod; at most app.shutdownSeconds, which is ${app.shutdownSeconds}`,
    ),
    ...repeated(app.users.map(({ email }) => email.toLowerCase())).map(
      (email) => `app.users: ${email} is there twice; e-mail addresses must differ`,
    ),
    ...problem(
      app.users.length > 0 && !app.users.some(({ role }) => role === 'admin'),
      () => 'app.users: no admin; at least one must have the role admin',
    ),
    ...repeated(limits.map(({ name }) => name)).map(
      (name) => `limits: ${name} is there twice; names must differ`,
    ),
    ...limits
      .filter(({ name }) => !defaultPolicies.some((policy) => policy.name === name))
      .map(
        ({ name }) =>
          `limits: ${name} is not a policy; allowed are ${defaultPolicies.map((policy) => policy.name).join(', ')}`,
      ),
    ...capacity(settings),
  ];
};

/** The global rule must not promise more than what was load-tested; no test, no claim. */
function capacity(settings: Settings): string[] {
  const global = limitsOf(settings).find(({ name }) => name === 'global');
  const perReplica = testedPerReplica();
  if (global === undefined || perReplica === undefined) return [];
  const { quota, windowSeconds } = global;
  const most = Math.floor(perReplica * mostReplicas(settings) * windowSeconds);
  return problem(
    quota > most,
    () =>
      `limits: global admits ${quota} in ${windowSeconds} s, more than ${mostReplicas(settings)} replicas carried in the load test; at most ${most}, or more replicas`,
  );
}

const redis: Rule = (settings) => {
  const { redis: store, app } = settings;
  const connections = mostReplicas(settings) * app.connectionsPerReplica;
  // A rolling update briefly doubles the pods; exporter, backup, replicas and Sentinels take some too.
  const needed = 2 * connections + 20;
  const copies = store.backup.keep + 1;
  return [
    ...problem(
      store.mode !== 'external' && needed > store.maxclients,
      () =>
        `redis.maxclients: ${store.maxclients} is too few for ${mostReplicas(settings)} pods with app.connectionsPerReplica ${app.connectionsPerReplica} during an update; at least ${needed}`,
    ),
    ...problem(
      store.mode !== 'external' && store.storage * 1024 < 3 * store.maxmemory,
      () =>
        `redis.storage: ${store.storage} does not hold an append-only file while it is rewritten; at least ${Math.ceil((3 * store.maxmemory) / 1024)}`,
    ),
    ...problem(
      store.mode !== 'external' &&
        store.backup.enabled &&
        store.backup.storage * 1024 < copies * store.maxmemory,
      () =>
        `redis.backup.storage: ${store.backup.storage} does not hold ${copies} copies of redis.maxmemory; at least ${Math.ceil((copies * store.maxmemory) / 1024)}`,
    ),
    ...problem(
      store.mode === 'external' && !store.external,
      () => 'redis.external: is missing; redis.mode external needs it',
    ),
    ...problem(
      store.mode !== 'external' && store.external !== undefined,
      () => `redis.external: redis.mode ${store.mode} does not use it; remove it`,
    ),
    ...problem(
      store.external !== undefined && store.external.servers.length === 0,
      () => 'redis.external.servers: is empty; at least one host:port',
    ),
    ...problem(
      store.external !== undefined && store.external.cidrs.length === 0,
      () => 'redis.external.cidrs: is empty; nothing may leave the cluster without them',
    ),
    ...problem(
      store.external !== undefined && !store.external.cluster && store.external.servers.length > 1,
      () =>
        `redis.external.servers: ${store.external?.servers.length} servers without redis.external.cluster; exactly one`,
    ),
  ];
};

const edge: Rule = ({ edge: door, cluster, tls }) => [
  ...problem(
    door.controller === 'existing' && !door.existing,
    () => 'edge.existing: is missing; edge.controller existing needs it',
  ),
  ...problem(
    door.controller === 'traefik' && door.existing !== undefined,
    () => 'edge.existing: edge.controller traefik does not use it; remove it',
  ),
  ...problem(
    door.serviceType === 'NodePort' && door.nodePort === undefined,
    () => 'edge.nodePort: is missing; edge.serviceType NodePort needs it',
  ),
  ...problem(
    door.serviceType !== 'NodePort' && door.nodePort !== undefined,
    () => `edge.nodePort: ${door.nodePort} is of no use with edge.serviceType ${door.serviceType}; remove it`,
  ),
  ...problem(
    door.controller === 'traefik' && cluster.apiServerCidrs.length === 0,
    () => 'cluster.apiServerCidrs: is empty; edge.controller traefik reads routes from the API server',
  ),
  ...problem(
    cluster.podCidrs.length === 0,
    () => 'cluster.podCidrs: is empty; the service would trust no forwarded address',
  ),
  ...problem(
    tls.renewBeforeHours >= tls.durationHours,
    () =>
      `tls.renewBeforeHours: ${tls.renewBeforeHours} is not less than tls.durationHours, which is ${tls.durationHours}`,
  ),
  ...problem(
    tls.issuer === 'cert-manager' && !tls.edgeIssuer,
    () => 'tls.edgeIssuer: is missing; tls.issuer cert-manager needs it',
  ),
  ...problem(
    tls.issuer === 'cert-manager' && !tls.internalIssuer,
    () => 'tls.internalIssuer: is missing; tls.issuer cert-manager needs it',
  ),
  ...problem(
    tls.issuer === 'generated' && (tls.edgeIssuer !== undefined || tls.internalIssuer !== undefined),
    () => 'tls.issuer: generated uses neither tls.edgeIssuer nor tls.internalIssuer; remove them',
  ),
];

const secrets: Rule = ({ secrets: own, app }) => [
  ...(['tokenKeys', 'dataKeys', 'redisPasswords'] as const).flatMap((key) =>
    problem(
      !own[key].accepted.includes(own[key].active),
      () =>
        `secrets.${key}.active: ${own[key].active} is not accepted; one of secrets.${key}.accepted, which are ${own[key].accepted.join(', ') || 'none'}`,
    ),
  ),
  ...problem(
    own.source === 'existing' && app.users.length > 0,
    () => 'app.users: secrets.source existing brings its own users.json; remove them',
  ),
];

const place: Rule = ({ namespace }) =>
  problem(
    /^(default|kube-.*)$/.test(namespace),
    () => `namespace: ${namespace} belongs to the cluster; any name but default and kube-*`,
  );

/** All rules, in the order in which their problems are listed. */
export const rules: readonly Rule[] = [place, service, redis, edge, observability, secrets, production];
