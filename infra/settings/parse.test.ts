import { describe, expect, test } from 'vitest';
import { type Case, problems } from '../../test/support/environment-settings.ts';
import { BadSettings, environments, loadSettings, parseSettings, settingsOf } from './index.ts';
import { rawSettings } from './load.ts';

const digest = `@sha256:${'1'.repeat(64)}`;
const ring = { active: '2026-11-01', accepted: ['2026-11-01'] };

test.each(environments)('the settings of %s are good', (environment) => {
  expect(loadSettings(environment).environment).toBe(environment);
});

/** Values that no field takes, one field each. */
const wrong: Case[] = [
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
    [
      'cluster.podCidrs[0]: "10.0.0.0" is not allowed; allowed is an address block such as 10.0.0.0/16 or fd00:10::/48',
    ],
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
    [
      'app.allowedOrigins[0]: "http://a.example" is not allowed; allowed is an https origin as browsers send it, without a path, such as https://app.example',
    ],
  ],
  [
    'dev',
    { 'app.users': [{ email: 'a@b.example' }] },
    ['app.users[0].role: is missing; allowed are reader, caseworker, admin'],
  ],
  [
    'dev',
    { limits: [{ name: 'default', quota: 0 }] },
    ['limits[0].quota: 0 is not allowed; allowed are whole numbers from 1 to 100000000'],
  ],
  [
    'dev',
    { 'redis.mode': 'cluster' },
    ['redis.mode: "cluster" is not allowed; allowed are single, sentinel, external'],
  ],
  [
    'dev',
    { 'redis.external': { servers: ['r.example:65536', 'r.example:0'], cidrs: ['192.0.2.0/24'] } },
    [
      'redis.external.servers[0]: "r.example:65536" is not allowed; allowed is host:port, the port from 1 to 65535, an IPv6 address in brackets',
      'redis.external.servers[1]: "r.example:0" is not allowed; allowed is host:port, the port from 1 to 65535, an IPv6 address in brackets',
      'redis.external: redis.mode single does not use it; remove it',
      'redis.external.servers: 2 servers without redis.external.cluster; exactly one',
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
    {
      'grafana.oidc': {
        issuer: 'https://login.example',
        tokenUrl: 'http://login.example/oauth2/token',
        clientId: 'grafana',
        adminGroup: 'ops',
        cidrs: ['192.0.2.1/32'],
      },
    },
    [
      'grafana.oidc.tokenUrl: "http://login.example/oauth2/token" is not allowed; allowed is an https URL without credentials',
    ],
  ],
  [
    'dev',
    { imagePullSecret: 'Registry!' },
    [
      'imagePullSecret: "Registry!" is not allowed; allowed is a DNS label: lower-case letters, digits and -, at most 63',
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
    { 'logs.urlTemplate': 'https://logs.example/' },
    [
      'logs.urlTemplate: "https://logs.example/" is not allowed; allowed is an https URL that contains {trace_id} or {service}',
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
    { colour: 'red' },
    [
      'colour: is not a setting; there are environment, namespace, imagePullPolicy, imagePullSecret, registries, registryMirror, images, transform, cluster, app, limits, redis, edge, tls, prometheus, alertmanager, grafana, tracing, logs, secrets, storage',
    ],
  ],
  ['dev', { app: 'big' }, ['app: "big" is not allowed; allowed is a set of keys and values']],
];

/** Wrong values beside what is wrong across others: all of it is said, and no rule judges by a value that is wrong itself. */
const mixed: Case[] = [
  [
    'dev',
    { 'app.logLevel': 'loud', 'app.minAvailable': 2, 'prometheus.retentionDays': 7 },
    [
      'app.logLevel: "loud" is not allowed; allowed are fatal, error, warn, info, debug, trace',
      'app.minAvailable: 2 would block every drain; less than app.replicas, which is 2',
      'prometheus.retentionDays: 7 is shorter than the longest SLO window; at least 30',
    ],
  ],
  [
    'dev',
    { 'app.replicas': 0, 'app.minAvailable': 2, 'edge.serviceType': 'NodePort' },
    [
      'app.replicas: 0 is not allowed; allowed are whole numbers from 1 to 200',
      'edge.nodePort: is missing; edge.serviceType NodePort needs it',
    ],
  ],
  [
    'dev',
    { redis: 'big', 'tls.renewBeforeHours': 2160, namespace: 'default' },
    [
      'redis: "big" is not allowed; allowed is a set of keys and values',
      'namespace: default belongs to the cluster; any name but default and kube-*',
      'tls.renewBeforeHours: 2160 is not less than tls.durationHours, which is 2160',
    ],
  ],
  [
    'dev',
    {
      'alertmanager.receivers': [
        { name: 'pager', severity: 'loud', cidrs: [] },
        { name: 'pager', severity: 'warning', cidrs: ['192.0.2.1/32'] },
      ],
      'secrets.dataKeys': { active: 'k1', accepted: ['2026-11-01'] },
    },
    [
      'alertmanager.receivers[0].severity: "loud" is not allowed; allowed are critical, warning, heartbeat',
      'alertmanager.receivers: pager is there twice; names must differ',
      'alertmanager.receivers: pager has no cidrs; nothing may leave the cluster without them',
      'secrets.dataKeys.active: "k1" is not allowed; allowed is a date such as 2026-11-01, with an optional suffix -b',
    ],
  ],
  [
    'prod',
    { environment: 'test', 'app.replicas': 1, 'app.minAvailable': 0 },
    ['environment: "test" is not allowed; allowed are local, dev, staging, prod'],
  ],
  [
    'prod',
    { 'app.users': [{ email: 'x', role: 'reader' }], 'app.replicas': 2, 'app.minAvailable': 1 },
    [
      'app.users[0].email: "x" is not allowed; allowed is an e-mail address',
      'app.users: no admin; at least one must have the role admin',
      'app.replicas: 2 is too few for prod; at least 3',
    ],
  ],
];

test.each([...wrong, ...mixed])('%s with %j', (environment, changes, expected) => {
  expect([...problems(environment, changes)].sort()).toEqual([...expected].sort());
});

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
      /there is no Pulumi\.qa\.yaml: write it, .* name one of dev, local, prod, staging/,
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
