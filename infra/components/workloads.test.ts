import type { Container, PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../kubernetes/manifest.ts';
import { configHash } from '../kubernetes/pod.ts';
import { environments, loadSettings, type Settings } from '../settings/index.ts';
import { stack } from './stack.ts';

const variants: [string, string, Record<string, unknown>][] = [
  ...environments.map((environment): [string, string, Record<string, unknown>] => [
    environment,
    environment,
    {},
  ]),
  ['sentinel', 'dev', { 'redis.mode': 'sentinel' }],
  ['a private registry', 'dev', { imagePullSecret: 'registry' }],
  [
    'limits at the edge',
    'dev',
    {
      'app.limits': 'edge',
      'app.limitGateway': {
        image: 'registry.example/simple378/a:1',
        tokens: { jwksUrl: 'https://case-service:8443/jwks.json', issuer: 'https://id.example' },
      },
    },
  ],
  [
    'autoscaled',
    'dev',
    {
      'app.autoscaling': { maxReplicas: 5, cpuPercent: 60 },
      'edge.replicas': 2,
      'storage.className': 'fast',
    },
  ],
];

/** Every pod template of an environment, with the name of what holds it. */
function templates(objects: readonly Manifest[]): [string, PodTemplateSpec][] {
  return objects.flatMap(({ kind, metadata, spec }): [string, PodTemplateSpec][] => {
    const of = spec as { template?: PodTemplateSpec; jobTemplate?: { spec: { template: PodTemplateSpec } } };
    const template = of?.template ?? of?.jobTemplate?.spec.template;
    return template ? [[`${kind}/${metadata.name}`, template]] : [];
  });
}

const objectsOf = (settings: Settings) => stack(settings).flatMap(({ manifests }) => manifests);

describe.each(variants)('%s', (_, environment, changes) => {
  const settings = loadSettings(environment, changes);
  const objects = objectsOf(settings);
  const all = templates(objects);

  test.each(all)('%s is restricted', (_name, { spec }) => {
    expect(spec?.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(spec?.securityContext?.runAsUser).toBeGreaterThan(0);
    expect([spec?.hostNetwork, spec?.hostPID, spec?.hostIPC]).toEqual([undefined, undefined, undefined]);
    expect(spec?.automountServiceAccountToken).toBe(spec?.serviceAccountName === 'edge');
    for (const container of containersOf(spec)) {
      expect(container.securityContext).toEqual({
        runAsNonRoot: true,
        privileged: false,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const kind of ['requests', 'limits'] as const)
        expect(Object.keys(container.resources?.[kind] ?? {})).toEqual([
          'cpu',
          'memory',
          'ephemeral-storage',
        ]);
      expect(container.resources?.requests?.memory).toBe(container.resources?.limits?.memory);
    }
    for (const { secret, hostPath } of spec?.volumes ?? []) {
      expect(hostPath).toBeUndefined();
      if (secret) expect(secret.defaultMode).toBe(0o400);
    }
  });

  test.each(all)(
    '%s mounts only volumes that it has, and has only volumes that it mounts',
    (name, { spec }) => {
      const claims = objects.flatMap(({ metadata, spec: own }) =>
        name.endsWith(`/${metadata.name}`)
          ? ((own as { volumeClaimTemplates?: Manifest[] } | undefined)?.volumeClaimTemplates ?? []).map(
              (claim) => claim.metadata.name,
            )
          : [],
      );
      const there = [...(spec?.volumes ?? []).map((volume) => volume.name), ...claims].sort();
      const used = containersOf(spec).flatMap(({ volumeMounts = [] }) =>
        volumeMounts.map((mount) => mount.name),
      );
      expect([...new Set(used)].sort()).toEqual(there);
    },
  );

  test.each(all)('%s has probes on what serves, and its ServiceAccount exists', (name, { spec }) => {
    if (!name.startsWith('CronJob'))
      for (const container of containersOf(spec).filter(({ ports = [] }) => ports.length > 0)) {
        expect(container.readinessProbe, container.name).toBeDefined();
        expect(container.livenessProbe, container.name).toBeDefined();
      }
    expect(
      objects.some(
        ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === spec?.serviceAccountName,
      ),
    ).toBe(true);
  });

  test('every ConfigMap, Secret and claim that a pod names is there', () => {
    const parts = stack(settings);
    const secrets = parts.flatMap(({ secrets = [], certificates = [] }) =>
      [...secrets, ...certificates].map(({ name }) => name),
    );
    const named = (kind: string) =>
      objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
    for (const [, { spec }] of all)
      for (const { secret, configMap, persistentVolumeClaim } of spec?.volumes ?? []) {
        if (secret) expect(secrets).toContain(secret.secretName);
        if (configMap) expect(named('ConfigMap')).toContain(configMap.name);
        if (persistentVolumeClaim)
          expect(named('PersistentVolumeClaim')).toContain(persistentVolumeClaim.claimName);
      }
  });

  test('every Service finds pods by ports that they have', () => {
    for (const { kind, metadata, spec } of objects) {
      if (kind !== 'Service') continue;
      const { selector, ports } = spec as {
        selector: Record<string, string>;
        ports: { targetPort: string }[];
      };
      const pods = all.filter(([, { metadata: own }]) =>
        Object.entries(selector).every(([key, value]) => own?.labels?.[key] === value),
      );
      expect(pods.length, metadata.name).toBe(1);
      const names = pods.flatMap(([, { spec: pod }]) =>
        containersOf(pod).flatMap(({ ports: own = [] }) => own.map(({ name }) => name)),
      );
      for (const { targetPort } of ports) expect(names, metadata.name).toContain(targetPort);
    }
  });

  test('pods pull with credentials where a Secret is named, and with none elsewhere', () => {
    const asked = all.map(([, { spec }]) => spec?.imagePullSecrets);
    const made = stack(settings).flatMap(({ secrets = [] }) => secrets.filter(({ type }) => type));
    const { imagePullSecret } = settings;
    expect(new Set(asked.map((one) => JSON.stringify(one)))).toEqual(
      new Set([imagePullSecret && JSON.stringify([{ name: imagePullSecret }])]),
    );
    expect(made.map(({ name, type, files }) => [name, type, Object.keys(files)])).toEqual(
      imagePullSecret ? [[imagePullSecret, 'kubernetes.io/dockerconfigjson', ['.dockerconfigjson']]] : [],
    );
  });

  test('the quota admits what is there', () => {
    const quota = objects.find(({ kind }) => kind === 'ResourceQuota');
    const { hard } = (quota as Manifest).spec as { hard: Record<string, string> };
    const asked = all
      .flatMap(([, { spec }]) => containersOf(spec))
      .reduce((sum, { resources }) => sum + Number.parseInt(String(resources?.requests?.memory), 10), 0);
    expect(Number.parseInt(hard['requests.memory'] as string, 10)).toBeGreaterThan(asked);
  });
});

function containersOf(spec: PodTemplateSpec['spec']): Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

describe('the case service', () => {
  const find = (settings: Settings, kind: string, name = 'case-service') =>
    objectsOf(settings).find((object) => object.kind === kind && object.metadata.name === name)
      ?.spec as Record<string, unknown>;

  test('leaves its replicas to the autoscaler where there is one', () => {
    expect(find(loadSettings('prod'), 'Deployment')).not.toHaveProperty('replicas');
    expect(find(loadSettings('dev'), 'Deployment')).toHaveProperty('replicas', 2);
    expect(find(loadSettings('prod'), 'HorizontalPodAutoscaler')).toMatchObject({
      minReplicas: 3,
      maxReplicas: 10,
    });
  });

  test('has more grace than it needs to stop', () => {
    for (const environment of environments) {
      const settings = loadSettings(environment);
      const { terminationGracePeriodSeconds, containers } = (
        find(settings, 'Deployment').template as PodTemplateSpec
      ).spec as NonNullable<PodTemplateSpec['spec']>;
      const sleep = containers[0]?.lifecycle?.preStop?.sleep?.seconds as number;
      expect(terminationGracePeriodSeconds).toBeGreaterThan(
        sleep + settings.app.drainSeconds + settings.app.shutdownSeconds,
      );
    }
  });

  test('has a budget that a drain gets past', () => {
    expect(find(loadSettings('prod'), 'PodDisruptionBudget')).toMatchObject({
      minAvailable: 2,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
    expect(find(loadSettings('dev', { 'app.minAvailable': 0 }), 'PodDisruptionBudget')).toBeUndefined();
  });

  test('reads no secret from its environment', () => {
    for (const [, { spec }] of templates(objectsOf(loadSettings('prod'))))
      for (const { env = [] } of containersOf(spec))
        for (const { value, valueFrom } of env) {
          expect(valueFrom).toBeUndefined();
          expect(value).not.toMatch(/secret:|-----BEGIN/);
        }
  });

  test('finds Redis in every mode', () => {
    const environment = (changes: Record<string, unknown>) => {
      const { containers } = (find(loadSettings('dev', changes), 'Deployment').template as PodTemplateSpec)
        .spec as { containers: Container[] };
      return Object.fromEntries(
        (containers[0]?.env ?? [])
          .filter(({ name }) => name.startsWith('REDIS'))
          .map(({ name, value }) => [name, value]),
      );
    };
    expect(environment({})).toEqual({
      REDIS_MODE: 'single',
      REDIS_URL: 'rediss://redis.simple378-dev.svc:6379',
      REDIS_CA_FILE: '/run/tls/ca.crt',
    });
    expect(environment({ 'redis.mode': 'sentinel' })).toMatchObject({
      REDIS_MODE: 'sentinel',
      REDIS_SENTINEL_MASTER: 'simple378',
    });
    expect(environment({ 'redis.mode': 'sentinel' }).REDIS_SENTINELS?.split(',')).toHaveLength(3);
    const external = { servers: ['a.example:1', 'b.example:1'], cluster: true, cidrs: ['192.0.2.0/24'] };
    expect(environment({ 'redis.mode': 'external', 'redis.external': external })).toEqual({
      REDIS_MODE: 'cluster',
      REDIS_URL: 'rediss://a.example:1,rediss://b.example:1',
      REDIS_DATA_USER: 'case-data',
      REDIS_LIMITER_USER: 'case-limiter',
    });
  });
});

test('an update of Redis waits for longer than Sentinels take to know a server again', () => {
  const redis = (mode: string) =>
    objectsOf(loadSettings('dev', { 'redis.mode': mode })).find(
      ({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'redis',
    )?.spec as { minReadySeconds?: number };
  // 15 seconds, seen on a cluster, and the 20 in which they begin no failover after another.
  expect(redis('sentinel').minReadySeconds).toBeGreaterThan(20);
  expect(redis('single').minReadySeconds).toBeUndefined();
});

test('a hash of configuration heeds content and not the order of keys', () => {
  expect(configHash({ a: 1, b: [1, 2] })).toBe(configHash({ b: [1, 2], a: 1 }));
  expect(configHash({ a: 1, b: [1, 2] })).not.toBe(configHash({ a: 1, b: [2, 1] }));
});

test('app.limits none leaves Redis without the user of the limiter', () => {
  const aclKeys = (limits: string) =>
    stack(loadSettings('prod', { 'app.limits': limits }))
      .flatMap(({ secrets = [] }) => secrets)
      .flatMap(({ files }) => files['users.acl']?.from ?? [])
      .map((key) => key.split('/')[2]);
  expect(aclKeys('service')).toContain('case-limiter');
  expect(aclKeys('none')).toContain('case-data');
  expect(aclKeys('none')).not.toContain('case-limiter');
});
