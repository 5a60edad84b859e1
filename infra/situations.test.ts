import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { holds, evaluate as judge } from '../policies/engine/evaluate.ts';
import { ruleConfig } from '../policies/environments.ts';
import { rules } from '../policies/rules/index.ts';
import { evaluate } from './evaluate.ts';
import { markers, objects } from './render/objects.ts';
import { loadSettings } from './settings/index.ts';

interface Situation {
  readonly on: string;
  readonly set: Readonly<Record<string, unknown>>;
}

const file = new URL('../docs/examples/situations.yaml', import.meta.url);
const situations = parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Situation>>;
const pod = 'spec.template.spec';
const aws = 'service.beta.kubernetes.io/aws-load-balancer';
const azure = 'service.beta.kubernetes.io/azure-load-balancer';

/** The fields that each situation must show: file, path, value. A value of undefined means that there is no such file or field. */
const fields: Readonly<Record<string, readonly [file: string, path: string, value: unknown][]>> = {
  eks: [
    ['edge/service-edge', 'spec.loadBalancerClass', 'service.k8s.aws/nlb'],
    ['edge/service-edge', `metadata.annotations.${aws}-scheme`, 'internet-facing'],
    ['edge/service-edge', 'spec.loadBalancerSourceRanges', ['198.51.100.0/24']],
    ['edge/service-edge', 'spec.externalTrafficPolicy', 'Local'],
    ['case-service/service-case-service', 'spec.selector.app.kubernetes.io/component', 'case-service'],
    ['case-service/deployment-case-service', 'env.REDIS_DATA_USER', ''],
    [
      'case-service/deployment-case-service',
      'env.REDIS_URL',
      'rediss://master.cache.abc123.euc1.cache.amazonaws.com:6379',
    ],
    ['case-service/deployment-case-service', 'env.REDIS_CA_FILE', undefined],
    ['redis-exporter/deployment-redis-exporter', 'env.REDIS_EXPORTER_CONFIG_COMMAND', '-'],
    ['redis/statefulset-redis', 'kind', undefined],
    [
      'prometheus/statefulset-prometheus',
      'spec.volumeClaimTemplates.0.spec.storageClassName',
      'gp3-encrypted',
    ],
  ],
  'gke-autopilot': [
    ['edge/service-edge', 'metadata.annotations.networking.gke.io/load-balancer-type', 'Internal'],
    [
      'edge/service-edge',
      'metadata.annotations.networking.gke.io/load-balancer-ip-addresses',
      'simple378-edge',
    ],
    ['edge/gateway-edge', 'kind', undefined],
    ['edge/clusterrole-simple378-edge', 'kind', undefined],
    ['edge/deployment-edge', `${pod}.automountServiceAccountToken`, false],
    ['network/networkpolicy-case-service', 'text', '169.254.169.254/32'],
    ['network/networkpolicy-case-service', 'text', 'node-local-dns'],
  ],
  aks: [
    ['edge/service-edge', `metadata.annotations.${azure}-internal`, 'true'],
    ['edge/service-edge', `metadata.annotations.${azure}-internal-subnet`, 'edge'],
    ['network/networkpolicy-case-service', 'text', 'endPort: 8599'],
    ['network/networkpolicy-case-service', 'text', '169.254.10.0/24'],
    ['case-service/deployment-case-service', 'env.REDIS_MODE', 'cluster'],
  ],
  openshift: [
    ['case-service/deployment-case-service', `${pod}.securityContext.runAsUser`, undefined],
    ['redis/statefulset-redis', `${pod}.securityContext.fsGroup`, undefined],
    ['redis/statefulset-redis', `${pod}.securityContext.runAsNonRoot`, true],
    ['network/networkpolicy-case-service', 'text', 'openshift-dns'],
    ['network/networkpolicy-case-service', 'text', 'port: 5353'],
    ['namespace/namespace-simple378', 'kind', undefined],
    ['quotas/resourcequota-namespace', 'kind', undefined],
  ],
  cilium: [
    ['network/ciliumnetworkpolicy-edge-api-server', 'spec.egress.0.toEntities', ['kube-apiserver']],
    ['network/networkpolicy-edge', 'spec.egress.length', 3],
  ],
  'arm64-pool': [
    ['case-service/deployment-case-service', `${pod}.nodeSelector`, { 'kubernetes.io/arch': 'arm64' }],
    ['case-service/deployment-case-service', `${pod}.tolerations.0.effect`, 'NoSchedule'],
  ],
  'air-gapped': [
    ['case-service/deployment-case-service', `${pod}.imagePullSecrets`, [{ name: 'registry' }]],
    ['redis/serviceaccount-redis', 'imagePullSecrets', [{ name: 'registry' }]],
    ['redis/statefulset-redis', 'text', 'image: mirror.example/hub/library/redis:'],
    ['prometheus/statefulset-prometheus', 'text', 'image: mirror.example/hub/prometheus/prometheus:'],
    ['namespace/secret-registry', 'type', 'kubernetes.io/dockerconfigjson'],
  ],
  istio: [
    ['namespace/namespace-simple378', 'metadata.labels.istio-injection', 'enabled'],
    [
      'case-service/deployment-case-service',
      'spec.template.metadata.labels.sidecar.istio.io/inject',
      undefined,
    ],
    ['network/networkpolicy-redis', 'text', 'port: 15012'],
  ],
  quotas: [
    ['prometheus/statefulset-prometheus', `${pod}.containers.0.resources.requests.cpu`, '1'],
    ['prometheus/statefulset-prometheus', `${pod}.containers.0.resources.limits.cpu`, '2'],
    ['redis/statefulset-redis', `${pod}.priorityClassName`, 'data'],
    ['quotas/resourcequota-namespace', 'kind', 'ResourceQuota'],
  ],
  'second-stack': [
    ['edge/clusterrole-simple378-dev-2-edge', 'metadata.name', 'simple378-dev-2-edge'],
    ['edge/gatewayclass-simple378-dev-2-edge', 'metadata.name', 'simple378-dev-2-edge'],
  ],
  'second-region': [
    ['namespace/namespace-simple378', 'metadata.labels.simple378.example/region', 'eu-west-1'],
    ['prometheus/configmap-prometheus-config', 'text', 'cluster: prod-eu-2'],
    ['prometheus/configmap-prometheus-config', 'text', 'url: https://mimir.example/api/v1/push'],
    ['prometheus/secret-prometheus-secrets', 'data.mimir', 'secret:prometheus-secrets/mimir'],
    ['network/networkpolicy-prometheus', 'text', 'cidr: 192.0.2.9/32'],
  ],
  renaming: [
    ['namespace/namespace-cases-dev', 'metadata.name', 'cases-dev'],
    ['case-service/deployment-case-service', 'env.TOKEN_ISSUER', 'https://cases.example'],
  ],
  'storage-growth': [
    ['redis/statefulset-redis', 'spec.volumeClaimTemplates.0.spec.resources.requests.storage', '20Gi'],
    ['backup/persistentvolumeclaim-redis-backup', 'spec.resources.requests.storage', '120Gi'],
  ],
  'grafana-major': [
    ['grafana/statefulset-grafana', `${pod}.containers.0.resources.limits.memory`, '1024Mi'],
    ['grafana/statefulset-grafana', 'text', 'image: docker.io/grafana/grafana:14.0.0@sha256:1'],
  ],
  'kubernetes-1.36': [
    ['case-service/horizontalpodautoscaler-case-service', 'apiVersion', 'autoscaling/v2'],
    ['namespace/namespace-simple378', 'metadata.labels.pod-security.kubernetes.io/enforce-version', 'v1.34'],
    ['redis/statefulset-redis', 'spec.podManagementPolicy', 'Parallel'],
    ['redis/statefulset-redis', `${pod}.topologySpreadConstraints.0.whenUnsatisfiable`, 'DoNotSchedule'],
    ['redis/statefulset-redis', `${pod}.topologySpreadConstraints.1.whenUnsatisfiable`, 'DoNotSchedule'],
  ],
  'limits-at-edge': [
    ['limit-gateway/deployment-limit-gateway', 'spec.replicas', 2],
    ['limit-gateway/deployment-limit-gateway', `${pod}.containers.0.args.2`, 'limit-gateway'],
    ['limit-gateway/deployment-limit-gateway', `${pod}.containers.0.readinessProbe.httpGet.scheme`, 'HTTPS'],
    [
      'limit-gateway/deployment-limit-gateway',
      `${pod}.containers.0.securityContext.readOnlyRootFilesystem`,
      true,
    ],
    [
      'limit-gateway/deployment-limit-gateway',
      'text',
      'image: registry.example/simple378/case-service:0.2.0@',
    ],
    ['limit-gateway/deployment-limit-gateway', 'env.SECRETS_DIR', '/run/secrets/limit-gateway'],
    ['limit-gateway/deployment-limit-gateway', 'env.REPLICAS', '2'],
    ['limit-gateway/deployment-limit-gateway', 'env.REDIS_MODE', 'sentinel'],
    ['limit-gateway/deployment-limit-gateway', 'env.REDIS_DATA_USER', undefined],
    ['limit-gateway/deployment-limit-gateway', 'env.GATEWAY_INTENSIVE_PATHS', '/search'],
    ['limit-gateway/deployment-limit-gateway', 'env.GATEWAY_JWKS_URL', 'https://id.example/jwks.json'],
    ['limit-gateway/deployment-limit-gateway', 'env.GATEWAY_JWKS_CA_FILE', undefined],
    [
      'limit-gateway/secret-limit-gateway-secrets',
      'data',
      {
        'redis-limiter-password': 'secret:limit-gateway-secrets/redis-limiter-password',
        'redis-sentinel-password': 'secret:limit-gateway-secrets/redis-sentinel-password',
        'pseudonym-key': 'secret:limit-gateway-secrets/pseudonym-key',
      },
    ],
    ['limit-gateway/poddisruptionbudget-limit-gateway', 'spec.minAvailable', 1],
    ['limit-gateway/service-limit-gateway', 'spec.ports.0.port', 8443],
    ['network/networkpolicy-edge', 'text', 'component: limit-gateway'],
    ['network/networkpolicy-limit-gateway', 'spec.ingress.length', 2],
    ['network/networkpolicy-limit-gateway', 'text', 'port: sentinel'],
    ['network/networkpolicy-limit-gateway', 'text', 'cidr: 203.0.113.8/32'],
    ['prometheus/configmap-prometheus-config', 'text', 'job_name: limit-gateway'],
    ['prometheus/configmap-prometheus-config', 'text', 'regex: (ratelimit|limiter)_.*'],
    ['edge/httproute-case-service', 'kind', undefined],
    ['edge/httproute-catch-all', 'kind', undefined],
    ['case-service/deployment-case-service', 'env.POLICIES_FILE', undefined],
    ['case-service/secret-case-service-secrets', 'data.redis-limiter-password', undefined],
  ],
  'no-limits': [
    ['limit-gateway/deployment-limit-gateway', 'kind', undefined],
    ['network/networkpolicy-limit-gateway', 'kind', undefined],
    ['edge/httproute-case-service', 'kind', 'HTTPRoute'],
    ['case-service/configmap-case-service-config', 'kind', undefined],
    ['case-service/deployment-case-service', 'env.POLICIES_FILE', undefined],
    ['case-service/secret-case-service-secrets', 'data.redis-limiter-password', undefined],
  ],
};

test('every situation of the example file has its fields here', () => {
  expect(Object.keys(fields)).toEqual(Object.keys(situations));
});

describe.each(Object.entries(situations))('%s', (name, { on, set }) => {
  const settings = loadSettings(on, set);
  const rendered = new Map(objects(settings, markers).map(({ file: path, object }) => [path, object]));

  test.each(fields[name] ?? [])('%s: %s', async (path, field, value) => {
    const { stringify } = await import('yaml');
    const object = rendered.get(`${path}.yaml`);
    if (field === 'text') expect(stringify(object, { lineWidth: 0 })).toContain(value);
    else
      expect(field.startsWith('env.') ? variable(object, field.slice(4)) : at(object, field)).toEqual(value);
  });

  test('the policies hold', async () => {
    const { resources } = await evaluate(on, { changes: set, preview: true });
    const findings = judge(resources, {
      environment: settings.environment,
      rules,
      config: ruleConfig(settings),
    });
    expect(holds(findings), JSON.stringify(findings.filter(({ level }) => level === 'mandatory'))).toBe(true);
  });
});

/** The value at a path. A key may hold dots, so the longest key that is there is taken. */
function at(value: unknown, path: string): unknown {
  if (path === '') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const keys = [...Object.keys(value), ...(Array.isArray(value) ? ['length'] : [])];
  const key = keys
    .filter((one) => path === one || path.startsWith(`${one}.`))
    .sort((a, b) => b.length - a.length)[0];
  return key === undefined
    ? undefined
    : at((value as Record<string, unknown>)[key], path.slice(key.length + 1));
}

/** An environment variable of the first container. */
function variable(object: unknown, name: string): string | undefined {
  const list = at(object, 'spec.template.spec.containers.0.env') as { name: string; value: string }[];
  return list.find((one) => one.name === name)?.value;
}
