import type { Settings } from '../settings/index.ts';

/** A group of pods by its network identity, the label `app.kubernetes.io/component`, and its named ports. */
export interface Node {
  readonly ports: Readonly<Record<string, number>>;
}

/** Something outside the namespace that pods talk to, or that talks to them. */
export type Outside =
  | { readonly cidrs: readonly string[]; readonly ports: readonly number[] }
  | { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }
  | 'anyone';

/** One permission: from a node or an outside, to a node's named port or an outside. */
export interface Connection {
  readonly from: string;
  readonly to: string;
  readonly port?: string;
  readonly why: string;
  /** How Prometheus reads metrics over it, job by job. */
  readonly scrapes?: readonly Scrape[];
}

/** A scrape job; targets are found by the DNS name of a headless Service. */
export interface Scrape {
  readonly job: string;
  readonly service: string;
  readonly tlsServerName?: string;
  readonly path?: string;
  /** Parameters of the URL. */
  readonly params?: Readonly<Record<string, string>>;
}

/** Who exists, and who may talk to whom: the only place that says so. */
export interface Connections {
  readonly nodes: Readonly<Record<string, Node>>;
  readonly outsides: Readonly<Record<string, Outside>>;
  readonly list: readonly Connection[];
}

/** Port numbers of the design, by name. */
export const ports = {
  api: 8443,
  internal: 9464,
  redis: 6379,
  sentinel: 26_379,
  exporter: 9121,
  prometheus: 9090,
  alertmanager: 9093,
  grafana: 3000,
  https: 8443,
  edgeMetrics: 9100,
  otlp: 4318,
  collectorMetrics: 8888,
  traceQuery: 16_686,
} as const;

/** The connections of one environment; NetworkPolicies, scrape jobs and the diagram in the docs come from them. */
export function connections(settings: Settings): Connections {
  const own = settings.edge.controller === 'traefik';
  const external = settings.redis.mode === 'external';
  const sentinel = settings.redis.mode === 'sentinel';
  const traced = settings.tracing.enabled;
  const stored = traced && !settings.tracing.external;
  const provisioned = settings.grafana.mode === 'provisioned';
  const backup = !external && settings.redis.backup.enabled;
  const { existing } = settings.edge;

  const nodes: Record<string, Node> = {
    'case-service': { ports: { api: ports.api, internal: ports.internal } },
    prometheus: { ports: { web: ports.prometheus } },
    alertmanager: { ports: { web: ports.alertmanager } },
    ...(own ? { edge: { ports: { https: ports.https, metrics: ports.edgeMetrics } } } : {}),
    ...(external
      ? {}
      : {
          redis: {
            ports: {
              redis: ports.redis,
              exporter: ports.exporter,
              ...(sentinel ? { sentinel: ports.sentinel } : {}),
            },
          },
        }),
    ...(backup ? { 'redis-backup': { ports: {} } } : {}),
    ...(provisioned ? { grafana: { ports: { web: ports.grafana } } } : {}),
    ...(traced
      ? {
          'otel-collector': { ports: { otlp: ports.otlp, metrics: ports.collectorMetrics } },
        }
      : {}),
    ...(stored ? { 'trace-store': { ports: { otlp: ports.otlp, query: ports.traceQuery } } } : {}),
  };

  const outsides: Record<string, Outside> = {
    dns: { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
    ...(own
      ? {
          clients: 'anyone' as const,
          'api-server': { cidrs: settings.cluster.apiServerCidrs, ports: [settings.cluster.apiServerPort] },
        }
      : {}),
    ...(existing
      ? { 'gateway-controller': { namespace: existing.namespace, labels: existing.podLabels } }
      : {}),
    ...externalRedis(settings),
    ...Object.fromEntries(
      settings.alertmanager.receivers.map(({ name, cidrs, port }) => [
        `receiver-${name}`,
        { cidrs, ports: [port] },
      ]),
    ),
    ...(traced && settings.tracing.external
      ? {
          'external-trace-store': {
            cidrs: settings.tracing.external.cidrs,
            ports: [settings.tracing.external.port],
          },
        }
      : {}),
    ...(settings.grafana.oidc
      ? { 'identity-provider': { cidrs: settings.grafana.oidc.cidrs, ports: [settings.grafana.oidc.port] } }
      : {}),
  };

  const door = own ? 'edge' : 'gateway-controller';
  const store = external ? 'external-redis' : 'redis';
  const list: Connection[] = [
    ...when(own, [
      { from: 'clients', to: 'edge', port: 'https', why: 'requests over TLS' },
      { from: 'edge', to: 'api-server', why: 'reads Gateways and routes' },
    ]),
    { from: door, to: 'case-service', port: 'api', why: 'routes requests, TLS again' },
    {
      from: 'case-service',
      to: store,
      ...(external ? {} : { port: 'redis' }),
      why: 'cases, limits, sessions',
    },
    ...when(sentinel, [
      { from: 'case-service', to: 'redis', port: 'sentinel', why: 'asks who is the primary' },
      { from: 'redis', to: 'redis', port: 'redis', why: 'replication; Sentinels watch' },
      { from: 'redis', to: 'redis', port: 'sentinel', why: 'Sentinels agree' },
    ]),
    ...when(backup, [
      { from: 'redis-backup', to: 'redis', port: 'redis', why: 'takes a copy' },
      ...when(sentinel, [
        { from: 'redis-backup', to: 'redis', port: 'sentinel', why: 'asks who is the primary' },
      ]),
    ]),
    ...when(traced, [
      { from: 'case-service', to: 'otel-collector', port: 'otlp', why: 'spans' },
      stored
        ? { from: 'otel-collector', to: 'trace-store', port: 'otlp', why: 'sampled traces' }
        : { from: 'otel-collector', to: 'external-trace-store', why: 'sampled traces' },
    ]),
    ...scrapes({ own, external, sentinel, provisioned, traced }),
    { from: 'prometheus', to: 'alertmanager', port: 'web', why: 'sends alerts' },
    ...when(provisioned, [
      { from: 'grafana', to: 'prometheus', port: 'web', why: 'queries' },
      ...when(stored, [{ from: 'grafana', to: 'trace-store', port: 'query', why: 'shows traces' }]),
      ...when(settings.grafana.oidc !== undefined, [
        { from: 'grafana', to: 'identity-provider', why: 'login' },
      ]),
    ]),
    ...settings.alertmanager.receivers.map(({ name }) => ({
      from: 'alertmanager',
      to: `receiver-${name}`,
      why: 'notifications',
    })),
  ];
  const asking = new Set(list.map(({ from }) => from).filter((from) => from in nodes));
  return {
    nodes,
    outsides,
    list: [...list, ...[...asking].map((from) => ({ from, to: 'dns', why: 'names' }))],
  };
}

function scrapes(has: {
  own: boolean;
  external: boolean;
  sentinel: boolean;
  provisioned: boolean;
  traced: boolean;
}): Connection[] {
  const scrape = (to: string, port: string, job: string, service: string, tls?: string): Connection => ({
    from: 'prometheus',
    to,
    port,
    why: 'metrics',
    scrapes: [{ job, service, ...(tls ? { tlsServerName: tls } : {}) }],
  });
  const redis = scrape('redis', 'exporter', 'redis', 'redis-exporter');
  // The exporter in the same pod asks the Sentinel, too: a silent Sentinel would be seen by nobody.
  const params = { target: `rediss://localhost:${ports.sentinel}` };
  const sentinels = { job: 'sentinel', service: 'redis-exporter', path: '/scrape', params };
  return [
    scrape('case-service', 'internal', 'case-service', 'case-service-internal', 'case-service'),
    ...when(!has.external, [
      has.sentinel ? { ...redis, scrapes: [...(redis.scrapes ?? []), sentinels] } : redis,
    ]),
    scrape('alertmanager', 'web', 'alertmanager', 'alertmanager'),
    ...when(has.provisioned, [scrape('grafana', 'web', 'grafana', 'grafana')]),
    ...when(has.own, [scrape('edge', 'metrics', 'traefik', 'edge-metrics')]),
    ...when(has.traced, [scrape('otel-collector', 'metrics', 'otel-collector', 'otel-collector')]),
  ];
}

function externalRedis(settings: Settings): Record<string, Outside> {
  const { external } = settings.redis;
  if (settings.redis.mode !== 'external' || !external) return {};
  const numbers = external.servers.map((server) => Number(server.split(':')[1]));
  return { 'external-redis': { cidrs: external.cidrs, ports: [...new Set(numbers)] } };
}

function when<T>(condition: boolean, items: readonly T[]): readonly T[] {
  return condition ? items : [];
}
