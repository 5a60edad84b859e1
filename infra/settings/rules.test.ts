import { expect, test } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { type Case, problems } from '../../test/support/environment-settings.ts';

/** What is wrong only between fields; all of it is reported, exactly. */
const wrong: Case[] = [
  [
    'dev',
    { namespace: 'kube-system' },
    ['namespace: kube-system belongs to the cluster; any name but default and kube-*'],
  ],
  [
    'dev',
    { namespace: 'default' },
    ['namespace: default belongs to the cluster; any name but default and kube-*'],
  ],
  [
    'dev',
    { 'cluster.podCidrs': [] },
    ['cluster.podCidrs: is empty; the service would trust no forwarded address'],
  ],
  [
    'dev',
    { 'cluster.apiServerCidrs': [] },
    ['cluster.apiServerCidrs: is empty; edge.controller traefik reads routes from the API server'],
  ],
  [
    'dev',
    { 'app.minAvailable': 2 },
    ['app.minAvailable: 2 would block every drain; less than app.replicas, which is 2'],
  ],
  [
    'dev',
    { 'app.autoscaling': { maxReplicas: 1, cpuPercent: 60 } },
    ['app.autoscaling.maxReplicas: 1 is below app.replicas, which is 2'],
  ],
  [
    'dev',
    { 'app.users': [{ email: 'a@b.example', role: 'reader' }] },
    ['app.users: no admin; at least one must have the role admin'],
  ],
  [
    'dev',
    {
      'app.users': [
        { email: 'a@b.example', role: 'admin' },
        { email: 'A@b.example', role: 'admin' },
      ],
    },
    ['app.users: a@b.example is there twice; e-mail addresses must differ'],
  ],
  [
    'dev',
    { 'edge.requestTimeoutSeconds': 60 },
    ['edge.requestTimeoutSeconds: 60 outlives a stopping pod; at most app.shutdownSeconds, which is 20'],
  ],
  [
    'dev',
    { limits: [{ name: 'search', quota: 5 }] },
    [`limits: search is not a policy; allowed are ${defaultPolicies.map(({ name }) => name).join(', ')}`],
  ],
  [
    'dev',
    {
      limits: [
        { name: 'default', quota: 5 },
        { name: 'default', quota: 6 },
      ],
    },
    ['limits: default is there twice; names must differ'],
  ],
  ['dev', { 'redis.mode': 'external' }, ['redis.external: is missing; redis.mode external needs it']],
  [
    'dev',
    { 'redis.external': { servers: ['r.example:6379'], cluster: false, cidrs: ['192.0.2.0/24'] } },
    ['redis.external: redis.mode single does not use it; remove it'],
  ],
  [
    'dev',
    { 'redis.mode': 'external', 'redis.external': { servers: [], cluster: false, cidrs: [] } },
    [
      'redis.external.servers: is empty; at least one host:port',
      'redis.external.cidrs: is empty; nothing may leave the cluster without them',
    ],
  ],
  [
    'dev',
    {
      'redis.mode': 'external',
      'redis.external': { servers: ['a.example:1', 'b.example:1'], cluster: false, cidrs: ['192.0.2.0/24'] },
    },
    ['redis.external.servers: 2 servers without redis.external.cluster; exactly one'],
  ],
  [
    'dev',
    { 'redis.maxclients': 50, 'app.replicas': 20 },
    [
      'redis.maxclients: 50 is too few for 20 pods with app.connectionsPerReplica 4 during an update; at least 180',
    ],
  ],
  [
    'dev',
    { 'redis.maxmemory': 1024 },
    [
      'redis.storage: 2 does not hold an append-only file while it is rewritten; at least 3',
      'redis.backup.storage: 5 does not hold 25 copies of redis.maxmemory; at least 25',
    ],
  ],
  [
    'dev',
    { 'edge.serviceType': 'NodePort' },
    ['edge.nodePort: is missing; edge.serviceType NodePort needs it'],
  ],
  [
    'dev',
    { 'edge.nodePort': 30_443 },
    ['edge.nodePort: 30443 is of no use with edge.serviceType ClusterIP; remove it'],
  ],
  [
    'dev',
    { 'edge.controller': 'existing' },
    ['edge.existing: is missing; edge.controller existing needs it'],
  ],
  [
    'dev',
    { 'edge.existing': { gatewayClass: 'a', namespace: 'b', podLabels: { app: 'c' } } },
    ['edge.existing: edge.controller traefik does not use it; remove it'],
  ],
  [
    'dev',
    { 'tls.renewBeforeHours': 2160 },
    ['tls.renewBeforeHours: 2160 is not less than tls.durationHours, which is 2160'],
  ],
  [
    'dev',
    { 'tls.issuer': 'cert-manager' },
    [
      'tls.edgeIssuer: is missing; tls.issuer cert-manager needs it',
      'tls.internalIssuer: is missing; tls.issuer cert-manager needs it',
    ],
  ],
  [
    'dev',
    { 'tls.edgeIssuer': { kind: 'Issuer', name: 'a' } },
    ['tls.issuer: generated uses neither tls.edgeIssuer nor tls.internalIssuer; remove them'],
  ],
  [
    'dev',
    { 'prometheus.retentionDays': 7 },
    ['prometheus.retentionDays: 7 is shorter than the longest SLO window; at least 30'],
  ],
  [
    'dev',
    { 'prometheus.scrapeIntervalSeconds': 90 },
    ['prometheus.scrapeIntervalSeconds: 90 leaves too few samples in the shortest window; at most 75'],
  ],
  [
    'dev',
    { 'alertmanager.receivers': [{ name: 'pager', severity: 'critical', cidrs: [], port: 443 }] },
    ['alertmanager.receivers: pager has no cidrs; nothing may leave the cluster without them'],
  ],
  [
    'dev',
    {
      'alertmanager.receivers': ['critical', 'warning'].map((severity) => ({
        name: 'pager',
        severity,
        cidrs: ['192.0.2.1/32'],
        port: 443,
      })),
    },
    ['alertmanager.receivers: pager is there twice; names must differ'],
  ],
  [
    'dev',
    {
      'alertmanager.receivers': [
        { name: 'mail', severity: 'warning', kind: 'email', cidrs: ['192.0.2.1/32'], port: 587 },
        { name: 'chat', severity: 'warning', channel: '#ops', cidrs: ['192.0.2.1/32'] },
      ],
    },
    [
      'alertmanager.receivers: mail is of kind email; mail belongs to kind email, and to no other',
      'alertmanager.receivers: chat is of kind webhook; channel belongs to kind slack',
    ],
  ],
  [
    'dev',
    { 'grafana.mode': 'external' },
    [
      'grafana.url: is missing; grafana.mode external needs it',
      'grafana.prometheusUrl: is missing; grafana.mode external needs it',
    ],
  ],
  [
    'dev',
    { 'tracing.external': { endpoint: 'https://t.example', cidrs: [], port: 443 } },
    ['tracing.external.cidrs: is empty; nothing may leave the cluster without them'],
  ],
  [
    'dev',
    { 'secrets.tokenKeys': { active: '2026-12-01', accepted: ['2026-11-01'] } },
    [
      'secrets.tokenKeys.active: 2026-12-01 is not accepted; one of secrets.tokenKeys.accepted, which are 2026-11-01',
    ],
  ],
  [
    'dev',
    { 'secrets.source': 'existing' },
    ['app.users: secrets.source existing brings its own users.json; remove them'],
  ],
  [
    'dev',
    {
      'grafana.oidc': {
        issuer: 'https://login.example',
        clientId: 'grafana',
        adminGroup: 'ops',
        cidrs: ['192.0.2.1/32'],
        port: 443,
      },
      'grafana.mode': 'external',
      'grafana.url': 'https://grafana.example',
      'grafana.prometheusUrl': 'https://prometheus.example',
    },
    ['grafana.oidc: only grafana.mode provisioned uses it; remove it'],
  ],
];

test.each(wrong)('%s with %j', (environment, changes, expected) => {
  expect([...problems(environment, changes)].sort()).toEqual([...expected].sort());
});

test('limits above what the load test carried are refused, and more replicas carry more', () => {
  const limits = (quota: number, mode = 'enforce') => ({
    limits: [
      { name: 'global', quota, mode },
      { name: 'anonymous', quota: 60 },
    ],
  });
  const [two, four] = [2, 4].map((replicas) =>
    mostOf(measured('dev', { ...limits(90_000_000), 'app.replicas': replicas })),
  );
  expect(measured('dev', limits(90_000_000))).toEqual([
    `limits: global admits 90000000 and anonymous 60 in 60 s, more than 2 replicas carried in the load test; at most ${two} together, or more replicas`,
  ]);
  expect(four).toBe(Number(two) * 2);
  expect(measured('dev', limits(Number(two) - 60))).toEqual([]);
  expect(measured('dev', limits(Number(two) - 59))).toHaveLength(1);
  expect(measured('dev', limits(Number(two) - 60, 'shadow'))).toEqual([
    `limits: global admits anything, its mode being shadow, more than 2 replicas carried in the load test; mode enforce and at most ${two}`,
  ]);
});

const measured = (environment: string, changes: Record<string, unknown>) =>
  problems(environment, changes, { measured: true });
const mostOf = ([text]: readonly string[]): number => Number(/at most (\d+)/.exec(text ?? '')?.[1]);
