import { labels } from '../kubernetes/labels.ts';
import { type Component, type Manifest, plainValue, type SecretSpec } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';

/** Pod Security Standards are enforced as of this Kubernetes version, whatever the cluster's. */
const podSecurityVersion = 'v1.34';

/** The namespace; its labels make the API server refuse pods that are not `restricted`. */
export function namespace(settings: Settings): Component {
  const { 'app.kubernetes.io/component': _component, ...rest } = labels(
    settings,
    'namespace',
    settings.namespace,
  );
  return {
    name: 'namespace',
    secrets: pullSecret(settings),
    manifests: [
      ...(settings.cluster.createNamespace ? [namespaceObject(settings, rest)] : []),
      ...(settings.cluster.quota.enabled ? [limitRange(settings)] : []),
    ],
  };
}

/** What nodes pull images with from a registry that asks for it. */
function pullSecret({ imagePullSecret }: Settings): SecretSpec[] {
  if (!imagePullSecret) return [];
  return [
    {
      name: imagePullSecret,
      component: 'namespace',
      type: 'kubernetes.io/dockerconfigjson',
      files: { '.dockerconfigjson': plainValue('config/registry') },
    },
  ];
}

function namespaceObject(settings: Settings, own: Record<string, string>): Manifest {
  const { cluster } = settings;
  const security = ['enforce', 'audit', 'warn'].flatMap((mode) => [
    [`pod-security.kubernetes.io/${mode}`, 'restricted'],
    [`pod-security.kubernetes.io/${mode}-version`, podSecurityVersion],
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: settings.namespace,
      labels: {
        ...own,
        ...Object.fromEntries(security),
        'simple378.example/environment': settings.environment,
        ...(cluster.name ? { 'simple378.example/cluster': cluster.name } : {}),
        ...(cluster.region ? { 'simple378.example/region': cluster.region } : {}),
        ...(cluster.mesh === 'istio' ? { 'istio-injection': 'enabled' } : {}),
      },
    },
  };
}

/** For pods that somebody adds by hand without saying what they need. */
function limitRange(settings: Settings): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'defaults', namespace: settings.namespace, labels: labels(settings, 'namespace') },
    spec: {
      limits: [
        {
          type: 'Container',
          defaultRequest: { cpu: '50m', memory: '64Mi', 'ephemeral-storage': '64Mi' },
          default: { cpu: '200m', memory: '128Mi', 'ephemeral-storage': '64Mi' },
        },
      ],
    },
  };
}
