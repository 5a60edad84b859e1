import { describe, expect, test } from 'vitest';
import { BadSettings, environments, loadSettings, parseSettings, settingsOf } from '../settings.ts';
import { rawSettings } from './load.ts';

const digest = `@sha256:${'0'.repeat(64)}`;
const ring = { active: '2026-11-01', accepted: ['2026-11-01'] };

function problems(environment: string, changes: Record<string, unknown>): readonly string[] {
  try {
    loadSettings(environment, changes);
  } catch (error) {
    if (error instanceof BadSettings) return error.problems;
    throw error;
  }
  return [];
}

test.each(environments)('the settings of %s are good', (environment) => {
  expect(loadSettings(environment).environment).toBe(environment);
});

/** Each line: environment, what is changed, and every problem that must be reported, exactly. */
const wrong: [string, Record<string, unknown>, string[]][] = [
  [
    'dev',
    { environment: 'test' },
    ['environment: "test" is not allowed; allowed are local, dev, staging, prod'],
  ],
  ['dev', { environment: undefined }, ['environment: is missing; allowed are local, dev, staging, prod']],
  [
    'dev',
    { namespace: 'Simple' },
    [
      'namespace: "Simple" is not allowed; allowed is a DNS label: lower-case letters, digits and -, at most 63',
    ],
  ],
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
    { imagePullPolicy: 'Sometimes' },
    ['imagePullPolicy: "Sometimes" is not allowed; allowed are IfNotPresent, Always, Never'],
  ],
  [
    'dev',
    { 'images.redis': 'redis' },
    [
      'images.redis: "redis" is not allowed; allowed is registry/name:tag or registry/name:tag@sha256:<64 hex digits>',
    ],
  ],
  [
    'dev',
    { 'images.mysql': 'a/b:1' },
    [
      'images.mysql: is not a setting; there are redis, redisExporter, prometheus, alertmanager, grafana, traefik, otelCollector, jaeger',
    ],
  ],
  [
    'dev',
    { 'cluster.podCidrs': ['10.0.0.0'] },
    ['cluster.podCidrs[0]: "10.0.0.0" is not allowed; allowed is an IPv4 block such as 10.0.0.0/16'],
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
    { 'cluster.apiServerPort': 70_000 },
    ['cluster.apiServerPort: 70000 is not allowed; allowed are whole numbers from 1 to 65535'],
  ],
  [
    'dev',
    { 'app.image': undefined },
    ['app.image: is missing; allowed is registry/name:tag or registry/name:tag@sha256:<64 hex digits>'],
  ],
  ['dev', { 'app.replicas': 0 }, ['app.replicas: 0 is not allowed; allowed are whole numbers from 1 to 200']],
  [
    'dev',
    { 'app.replicas': '2' },
    ['app.replicas: "2" is not allowed; allowed are whole numbers from 1 to 200'],
  ],
  [
    'dev',
    { 'app.replicas': 2.5 },
    ['app.replicas: 2.5 is not allowed; allowed are whole numbers from 1 to 200'],
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
    { 'app.autoscaling': { cpuPercent: 60 } },
    ['app.autoscaling.maxReplicas: is missing; allowed are whole numbers from 1 to 200'],
  ],
  [
    'dev',
    { 'app.logLevel': 'loud' },
    ['app.logLevel: "loud" is not allowed; allowed are fatal, error, warn, info, debug, trace'],
  ],
  [
    'dev',
    { 'app.allowedOrigins': ['http://a.example'] },
    ['app.allowedOrigins[0]: "http://a.example" is not allowed; allowed is an https URL without credentials'],
  ],
  [
    'dev',
    { 'app.users': [{ email: 'a@b.example' }] },
    ['app.users[0].role: is missing; allowed are reader, caseworker, admin'],
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
    [
      'limits: search is not a policy; allowed are default, intensive, login, login-address, login-endpoint, address, global',
    ],
  ],
  [
    'dev',
    { limits: [{ name: 'default', quota: 0 }] },
    ['limits[0].quota: 0 is not allowed; allowed are whole numbers from 1 to 100000000'],
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
  [
    'dev',
    { 'redis.mode': 'cluster' },
    ['redis.mode: "cluster" is not allowed; allowed are single, sentinel, external'],
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
    { 'redis.backup.schedule': 'hourly' },
    ['redis.backup.schedule: "hourly" is not allowed; allowed is five cron fields such as 15 * * * *'],
  ],
  [
    'dev',
    { 'edge.host': 'Dev.Example' },
    ['edge.host: "Dev.Example" is not allowed; allowed is a lower-case host name'],
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
    { 'grafana.mode': 'external' },
    [
      'grafana.url: is missing; grafana.mode external needs it',
      'grafana.prometheusUrl: is missing; grafana.mode external needs it',
    ],
  ],
  [
    'dev',
    { 'alertmanager.runbooksUrl': 'docs/runbooks' },
    ['alertmanager.runbooksUrl: "docs/runbooks" is not allowed; allowed is an https URL without credentials'],
  ],
  [
    'dev',
    { 'grafana.url': 'https://user:pass@grafana.example' },
    [
      'grafana.url: "https://user:pass@grafana.example" is not allowed; allowed is an https URL without credentials',
    ],
  ],
  [
    'dev',
    { 'tracing.sampleRatio': 2 },
    ['tracing.sampleRatio: 2 is not allowed; allowed are numbers from 0 to 1'],
  ],
  [
    'dev',
    { 'tracing.enabled': 'yes' },
    ['tracing.enabled: "yes" is not allowed; allowed are true and false'],
  ],
  [
    'dev',
    { 'tracing.external': { endpoint: 'https://t.example', cidrs: [], port: 443 } },
    ['tracing.external.cidrs: is empty; nothing may leave the cluster without them'],
  ],
  [
    'dev',
    { 'logs.urlTemplate': 'https://logs.example/' },
    [
      'logs.urlTemplate: "https://logs.example/" is not allowed; allowed is an https URL that contains {trace_id} or {service}',
    ],
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
    { 'secrets.dataKeys': { active: 'k1', accepted: ['2026-11-01'] } },
    [
      'secrets.dataKeys.active: "k1" is not allowed; allowed is a date such as 2026-11-01, with an optional suffix -b',
    ],
  ],
  [
    'dev',
    { 'secrets.redisPasswords': { active: '2026-11-01', accepted: ['2026-11-01', '2026-11-01'] } },
    [
      'secrets.redisPasswords.accepted: ["2026-11-01","2026-11-01"] is not allowed; allowed is a list without duplicates',
    ],
  ],
  [
    'dev',
    { 'secrets.source': 'existing' },
    ['app.users: secrets.source existing brings its own users.json; remove them'],
  ],
  [
    'dev',
    { colour: 'red' },
    [
      'colour: is not a setting; there are environment, namespace, imagePullPolicy, images, cluster, app, limits, redis, edge, tls, prometheus, alertmanager, grafana, tracing, logs, secrets, storage',
    ],
  ],
  ['dev', { app: 'big' }, ['app: "big" is not allowed; allowed is a set of keys and values']],
  [
    'prod',
    { 'app.image': 'registry.example/a:1' },
    ['app.image: registry.example/a:1 has no digest; prod pins every image by @sha256:'],
  ],
  [
    'prod',
    { 'images.redis': 'mirror.example/redis:8' },
    ['images.redis: mirror.example/redis:8 has no digest; prod pins every image by @sha256:'],
  ],
  [
    'prod',
    { 'tls.issuer': 'generated', 'tls.edgeIssuer': undefined, 'tls.internalIssuer': undefined },
    ['tls.issuer: generated is not for prod; allowed is cert-manager'],
  ],
  [
    'prod',
    { 'redis.mode': 'single' },
    ['redis.mode: single is not for prod; allowed are sentinel, external'],
  ],
  [
    'prod',
    { 'redis.backup.enabled': false },
    ['redis.backup.enabled: false is not for prod; replicas are no backup'],
  ],
  ['prod', { 'app.replicas': 2, 'app.minAvailable': 1 }, ['app.replicas: 2 is too few for prod; at least 3']],
  ['prod', { 'app.autoscaling': undefined }, ['app.autoscaling: is missing; prod scales']],
  [
    'prod',
    { 'storage.encrypted': false },
    ['storage: prod names a StorageClass in storage.className and says storage.encrypted: true once checked'],
  ],
  [
    'prod',
    { 'app.logLevel': 'debug' },
    ['app.logLevel: debug is not for prod; allowed are info, warn, error, fatal'],
  ],
];

test.each(wrong)('%s with %j', (environment, changes, expected) => {
  // What the load test carried depends on a measurement, and has a test of its own.
  const found = problems(environment, changes).filter((text) => !text.startsWith('limits: global admits'));
  expect([...found].sort()).toEqual([...expected].sort());
});

test('limits above what the load test carried are refused, and more replicas carry more', () => {
  const enormous = { limits: [{ name: 'global', quota: 90_000_000 }] };
  expect(problems('dev', enormous)).toEqual([
    expect.stringMatching(
      /^limits: global admits 90000000 in 60 s, more than 2 replicas .* at most \d+, or more/,
    ),
  ]);
  const [two, four] = [2, 4].map((replicas) =>
    mostOf(problems('dev', { ...enormous, 'app.replicas': replicas })),
  );
  expect(four).toBe(Number(two) * 2);
  expect(problems('dev', { limits: [{ name: 'global', quota: two }] })).toEqual([]);
});

const mostOf = ([text]: readonly string[]): number => Number(/at most (\d+)/.exec(text ?? '')?.[1]);

describe('reading', () => {
  test('lists all problems at once, and the place', () => {
    const error = new BadSettings(
      problems('dev', { 'app.replicas': 0, 'redis.mode': 'x', colour: 1 }),
      'Pulumi.dev.yaml',
    );
    expect(error.problems).toHaveLength(3);
    expect(error.message).toMatch(/^Pulumi\.dev\.yaml: 3 problem\(s\)\n {2}/);
  });

  test('shortens long values', () => {
    expect(problems('dev', { 'app.logLevel': 'x'.repeat(500) })[0]?.length).toBeLessThan(200);
  });

  test('fills in defaults, and changes nothing of what it is given', () => {
    const raw = rawSettings('prod');
    const before = JSON.stringify(raw);
    expect(parseSettings(raw, 'test').app.drainSeconds).toBe(5);
    expect(JSON.stringify(raw)).toBe(before);
  });

  test('leaves secrets out, encrypted or by name', () => {
    expect(
      settingsOf({
        'simple378:namespace': 'a',
        'simple378:receiver-pager': 'https://secret.example',
        'simple378:grafana-token': { secure: 'v1:…' },
        'simple378:odd': { secure: 'v1:…' },
        'kubernetes:context': 'c',
      }),
    ).toEqual({ namespace: 'a' });
  });

  test('names the environments when there is no such file', () => {
    expect(() => loadSettings('qa')).toThrow(
      'there is no Pulumi.qa.yaml; environments are local, dev, staging, prod',
    );
  });

  test('takes nothing at all for a set of missing values', () => {
    expect(() => parseSettings(undefined, 'test')).toThrow(/environment: is missing/);
  });

  test('accepts every mode there is', () => {
    const external = {
      servers: ['a.example:6379', 'b.example:6379'],
      cluster: true,
      cidrs: ['192.0.2.0/24'],
    };
    expect(problems('dev', { 'redis.mode': 'external', 'redis.external': external })).toEqual([]);
    expect(problems('prod', { 'images.redis': `mirror.example/redis:8${digest}` })).toEqual([]);
    expect(
      problems('dev', {
        'edge.controller': 'existing',
        'edge.existing': { gatewayClass: 'shared', namespace: 'gateways', podLabels: { app: 'proxy' } },
        'cluster.apiServerCidrs': [],
        'grafana.mode': 'external',
        'grafana.url': 'https://grafana.example',
        'grafana.prometheusUrl': 'https://prometheus.example',
        'secrets.source': 'existing',
        'secrets.tokenKeys': ring,
        'app.users': [],
      }),
    ).toEqual([]);
  });
});
