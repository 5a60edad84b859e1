import { ports } from '../../contract/ports.ts';
import type { Settings } from '../settings/index.ts';
import { isKeptByService, limitGatewayOf } from '../settings/limit-gateway.ts';
import { type ExternalPeer, externalPeers, receiverPeer, remoteWritePeer } from './external-peers.ts';

/** A group of pods by its network identity, the label `app.kubernetes.io/component`, and its named ports. */
export interface Node {
  readonly ports: Readonly<Record<string, number>>;
}

/** One permission: from a node or an external peer, to a node's named port or an external peer. */
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
  /** Gives the metrics whose name matches the expression the label of another job, whose rules and panels then show them. */
  readonly metricsOf?: { readonly names: string; readonly job: string };
}

/** Who may talk to whom: everything else is denied. */
export interface Connections {
  readonly nodes: Readonly<Record<string, Node>>;
  readonly externalPeers: Readonly<Record<string, ExternalPeer>>;
  readonly list: readonly Connection[];
}

/** What an environment has, as far as connections depend on it. */
interface Has {
  readonly traefik: boolean;
  readonly gatewayApi: boolean;
  readonly externalRedis: boolean;
  readonly limitGateway: boolean;
  readonly exporter: boolean;
  readonly sentinel: boolean;
  readonly backup: boolean;
  readonly grafana: boolean;
  readonly tracing: boolean;
  readonly traceStore: boolean;
}

/** The connections of one environment; NetworkPolicies, scrape jobs and the diagram in the docs come from them. */
export function connections(settings: Settings): Connections {
  const { redis, edge, tracing, grafana } = settings;
  const externalRedis = redis.mode === 'external';
  const has: Has = {
    traefik: edge.controller === 'traefik',
    gatewayApi: edge.gatewayApi,
    externalRedis,
    limitGateway: limitGatewayOf(settings) !== undefined,
    exporter: !externalRedis || redis.external?.exporter === true,
    sentinel: redis.mode === 'sentinel',
    backup: !externalRedis && redis.backup.enabled,
    grafana: grafana.mode === 'provisioned',
    tracing: tracing.enabled,
    traceStore: tracing.enabled && !tracing.external,
  };
  const nodes = nodesOf(has);
  const list = [
    ...requests(settings, has),
    ...storage(has),
    ...traces(has),
    ...metrics(settings, has),
    ...dashboards(settings, has),
    ...settings.alertmanager.receivers.map(({ name }) => ({
      from: 'alertmanager',
      to: receiverPeer(name),
      why: 'notifications',
    })),
  ];
  const clients = [...new Set(list.map(({ from }) => from))].filter((from) => from in nodes);
  return {
    nodes,
    externalPeers: externalPeers(settings),
    list: [
      ...list,
      ...clients.map((from) => ({ from, to: 'dns', why: 'names' })),
      ...when(settings.cluster.mesh === 'istio', [
        ...Object.keys(nodes).map((from) => ({ from, to: 'istiod', why: 'configuration of the sidecar' })),
      ]),
    ],
  };
}

function nodesOf(has: Has): Record<string, Node> {
  return {
    'case-service': { ports: { api: ports.api, internal: ports.internal } },
    ...(has.limitGateway ? { 'limit-gateway': { ports: { api: ports.api, internal: ports.internal } } } : {}),
    prometheus: { ports: { web: ports.prometheus } },
    alertmanager: { ports: { web: ports.alertmanager } },
    ...(has.traefik ? { edge: { ports: { https: ports.https, metrics: ports.edgeMetrics } } } : {}),
    ...(has.externalRedis
      ? {}
      : {
          redis: {
            ports: {
              redis: ports.redis,
              exporter: ports.exporter,
              ...(has.sentinel ? { sentinel: ports.sentinel } : {}),
            },
          },
        }),
    ...(has.externalRedis && has.exporter
      ? { 'redis-exporter': { ports: { exporter: ports.exporter } } }
      : {}),
    ...(has.backup ? { 'redis-backup': { ports: {} } } : {}),
    ...(has.grafana ? { grafana: { ports: { web: ports.grafana } } } : {}),
    ...(has.tracing
      ? { 'otel-collector': { ports: { otlp: ports.otlp, metrics: ports.collectorMetrics } } }
      : {}),
    ...(has.traceStore ? { 'trace-store': { ports: { otlp: ports.otlp, query: ports.traceQuery } } } : {}),
  };
}

function requests(settings: Settings, has: Has): readonly Connection[] {
  const gateway = has.traefik ? 'edge' : 'gateway-controller';
  return [
    ...when(has.traefik, [{ from: 'clients', to: 'edge', port: 'https', why: 'requests over TLS' }]),
    ...when(has.traefik && has.gatewayApi, [
      { from: 'edge', to: 'api-server', why: 'reads Gateways and routes' },
    ]),
    { from: gateway, to: 'case-service', port: 'api', why: 'routes requests, TLS again' },
    ...when(has.limitGateway, [
      { from: gateway, to: 'limit-gateway', port: 'api', why: 'asks whether a request is admitted' },
      ...issuer(settings),
    ]),
    ...when(has.grafana && settings.grafana.url !== undefined, [
      { from: gateway, to: 'grafana', port: 'web', why: 'routes browsers' },
    ]),
  ];
}

/** The hop by which the limit gateway reads the keys of tokens. */
function issuer(settings: Settings): readonly Connection[] {
  const tokens = limitGatewayOf(settings)?.tokens;
  if (tokens === undefined) return [];
  const from = 'limit-gateway';
  return isKeptByService(tokens.jwksUrl)
    ? [{ from, to: 'case-service', port: 'api', why: 'keys of tokens' }]
    : [{ from, to: 'token-issuer', why: 'keys of tokens' }];
}

function storage(has: Has): readonly Connection[] {
  const why = 'cases, limits, sessions';
  if (has.externalRedis)
    return [
      { from: 'case-service', to: 'external-redis', why },
      ...when(has.limitGateway, [{ from: 'limit-gateway', to: 'external-redis', why: 'limits' }]),
      ...when(has.exporter, [{ from: 'redis-exporter', to: 'external-redis', why: 'reads its state' }]),
    ];
  return [
    { from: 'case-service', to: 'redis', port: 'redis', why },
    ...when(has.limitGateway, [{ from: 'limit-gateway', to: 'redis', port: 'redis', why: 'limits' }]),
    ...when(has.limitGateway && has.sentinel, [
      { from: 'limit-gateway', to: 'redis', port: 'sentinel', why: 'asks who is the primary' },
    ]),
    ...when(has.sentinel, [
      { from: 'case-service', to: 'redis', port: 'sentinel', why: 'asks who is the primary' },
      { from: 'redis', to: 'redis', port: 'redis', why: 'replication; Sentinels watch' },
      { from: 'redis', to: 'redis', port: 'sentinel', why: 'Sentinels agree' },
    ]),
    ...when(has.backup, [
      { from: 'redis-backup', to: 'redis', port: 'redis', why: 'takes a copy' },
      ...when(has.sentinel, [
        { from: 'redis-backup', to: 'redis', port: 'sentinel', why: 'asks who is the primary' },
      ]),
    ]),
  ];
}

function traces(has: Has): readonly Connection[] {
  return when(has.tracing, [
    { from: 'case-service', to: 'otel-collector', port: 'otlp', why: 'spans' },
    has.traceStore
      ? { from: 'otel-collector', to: 'trace-store', port: 'otlp', why: 'sampled traces' }
      : { from: 'otel-collector', to: 'external-trace-store', why: 'sampled traces' },
  ]);
}

function metrics(settings: Settings, has: Has): readonly Connection[] {
  const scrapes = scraped(has);
  return [
    ...scrapes,
    { from: 'prometheus', to: 'alertmanager', port: 'web', why: 'sends alerts' },
    ...settings.prometheus.remoteWrite.map(({ name }) => ({
      from: 'prometheus',
      to: remoteWritePeer(name),
      why: 'remote write',
    })),
    ...when(settings.prometheus.clients.length > 0, [
      { from: 'prometheus-clients', to: 'prometheus', port: 'web', why: 'queries' },
    ]),
    ...when(
      settings.cluster.scrapers.length > 0,
      [...scrapes, { to: 'prometheus', port: 'web' }].map(({ to, port }) => ({
        from: 'scrapers',
        to,
        ...(port === undefined ? {} : { port }),
        why: 'metrics',
      })),
    ),
  ];
}

function scraped(has: Has): Connection[] {
  const scrape = (to: string, port: string, job: string, service: string, tls?: string): Connection => ({
    from: 'prometheus',
    to,
    port,
    why: 'metrics',
    scrapes: [{ job, service, ...(tls ? { tlsServerName: tls } : {}) }],
  });
  const redis = scrape(has.externalRedis ? 'redis-exporter' : 'redis', 'exporter', 'redis', 'redis-exporter');
  const gateway = 'limit-gateway';
  const limits = { names: '(ratelimit|limiter)_.*', job: 'case-service' };
  // The exporter in the same pod asks the Sentinel, too: a silent Sentinel would be seen by nobody.
  const params = { target: `rediss://localhost:${ports.sentinel}` };
  const sentinels = { job: 'sentinel', service: 'redis-exporter', path: '/scrape', params };
  return [
    scrape('case-service', 'internal', 'case-service', 'case-service-internal', 'case-service'),
    ...when(has.limitGateway, [
      {
        ...scrape(gateway, 'internal', gateway, `${gateway}-internal`),
        scrapes: [
          { job: gateway, service: `${gateway}-internal`, tlsServerName: gateway, metricsOf: limits },
        ],
      },
    ]),
    ...when(has.exporter, [
      has.sentinel ? { ...redis, scrapes: [...(redis.scrapes ?? []), sentinels] } : redis,
    ]),
    scrape('alertmanager', 'web', 'alertmanager', 'alertmanager'),
    ...when(has.grafana, [scrape('grafana', 'web', 'grafana', 'grafana')]),
    ...when(has.traefik, [scrape('edge', 'metrics', 'traefik', 'edge-metrics')]),
    ...when(has.tracing, [scrape('otel-collector', 'metrics', 'otel-collector', 'otel-collector')]),
  ];
}

function dashboards(settings: Settings, has: Has): readonly Connection[] {
  return when(has.grafana, [
    { from: 'grafana', to: 'prometheus', port: 'web', why: 'queries' },
    ...when(has.traceStore, [{ from: 'grafana', to: 'trace-store', port: 'query', why: 'shows traces' }]),
    ...when(settings.grafana.oidc !== undefined, [
      { from: 'grafana', to: 'identity-provider', why: 'login' },
    ]),
  ]);
}

function when<T>(condition: boolean, items: readonly T[]): readonly T[] {
  return condition ? items : [];
}
