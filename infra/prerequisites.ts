import { askKubectl, unreachable } from './kube.ts';
import type { Settings } from './settings/index.ts';

/** Something a cluster must have before an environment can be made, and the command that brings it. */
export interface Prerequisite {
  readonly what: string;
  /** Arguments of kubectl that find it. */
  readonly check: readonly string[];
  /** Whether what was found will do; finding it is enough where this is left out. */
  readonly holds?: (found: string) => boolean;
  readonly remedy: string;
}

/** The Gateway API's kinds, of the newest release that manifests were validated with. */
export const gatewayApi =
  'https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.1/standard-install.yaml';

/** The oldest Kubernetes that manifests are validated for: 1.34. */
const oldestMinor = 34;

/** What the settings need of the cluster, and this program does not bring. */
export function prerequisites(settings: Settings): Prerequisite[] {
  const { storage, tls, app, edge, cluster, namespace } = settings;
  return [
    {
      what: `Kubernetes 1.${oldestMinor} or newer`,
      check: ['get', '--raw', '/version'],
      holds: (found) => Number.parseInt((JSON.parse(found) as { minor: string }).minor, 10) >= oldestMinor,
      remedy: 'upgrade the cluster',
    },
    ...(edge.controller === 'existing' || edge.gatewayApi ? [gateway(edge.controller)] : []),
    ...(edge.existing
      ? [
          {
            what: `GatewayClass ${edge.existing.gatewayClass} (edge.existing.gatewayClass)`,
            check: ['get', 'gatewayclass', edge.existing.gatewayClass],
            remedy: 'name one of: kubectl get gatewayclasses',
          },
        ]
      : []),
    ...(cluster.createNamespace
      ? []
      : [
          {
            what: `namespace ${namespace}, because cluster.createNamespace is false`,
            check: ['get', 'namespace', namespace],
            remedy: `kubectl create namespace ${namespace}`,
          },
        ]),
    ...(cluster.apiServerAccess === 'cilium'
      ? [
          {
            what: 'Cilium (cluster.apiServerAccess)',
            check: ['get', '--raw', '/apis/cilium.io/v2'],
            remedy: 'set cluster.apiServerAccess to cidrs, with cluster.apiServerCidrs',
          },
        ]
      : []),
    ...(app.autoscaling || edge.autoscaling
      ? [
          {
            what: 'metrics-server, available, which app.autoscaling reads CPU from',
            check: ['get', 'apiservice', 'v1beta1.metrics.k8s.io', '-o', 'json'],
            holds: isAvailable,
            remedy:
              'kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml',
          },
        ]
      : []),
    ...(tls.issuer === 'cert-manager'
      ? [
          {
            what: 'cert-manager (tls.issuer)',
            check: ['get', '--raw', '/apis/cert-manager.io/v1'],
            remedy:
              'kubectl apply -f https://github.com/cert-manager/cert-manager/releases/download/v1.21.1/cert-manager.yaml',
          },
        ]
      : []),
    ...(['edgeIssuer', 'internalIssuer'] as const).flatMap((key) => issuerOf(settings, key)),
    ...(storage.className
      ? [
          {
            what: `StorageClass ${storage.className} (storage.className)`,
            check: ['get', 'storageclass', storage.className],
            remedy: 'name one of: kubectl get storageclasses',
          },
        ]
      : []),
  ];
}

/** An issuer that exists; for names inside the cluster one that can sign them, which ACME cannot. */
function issuerOf(
  { cluster, tls, namespace }: Settings,
  key: 'edgeIssuer' | 'internalIssuer',
): Prerequisite[] {
  const issuer = tls.issuer === 'cert-manager' ? tls[key] : undefined;
  // An Issuer is inside the namespace, which is not there before the first up.
  if (!issuer || (issuer.kind === 'Issuer' && cluster.createNamespace)) return [];
  const { kind, name } = issuer;
  const place = kind === 'Issuer' ? ['-n', namespace] : [];
  return [
    {
      what: `${kind} ${name} (tls.${key})${key === 'internalIssuer' ? ', of another kind than ACME' : ''}`,
      check: ['get', `${kind.toLowerCase()}.cert-manager.io`, name, ...place, '-o', 'json'],
      holds: (found) =>
        key === 'edgeIssuer' || !('acme' in ((JSON.parse(found) as { spec?: object }).spec ?? {})),
      remedy: `name one of: kubectl get ${kind.toLowerCase()}s.cert-manager.io`,
    },
  ];
}

/**
 * What the edge's controller reads, all of version v1. Traefik 3.7 watches TLSRoutes too, asked for or not, and serves nothing
 * until it has a list of them (pkg/provider/kubernetes/gateway/client.go); they are v1 from release 1.5 on.
 */
function gateway(controller: Settings['edge']['controller']): Prerequisite {
  const own = controller === 'traefik';
  const kinds = ['gatewayclasses', 'gateways', 'httproutes', 'backendtlspolicies'];
  const needed = own ? [...kinds, 'tlsroutes'] : kinds;
  return {
    what: `the Gateway API of version ${own ? '1.5' : '1.4'} or newer, standard channel`,
    check: ['get', '--raw', '/apis/gateway.networking.k8s.io/v1'],
    holds: (found) => {
      const { resources } = JSON.parse(found) as { resources: { name: string }[] };
      return needed.every((kind) => resources.some(({ name }) => name === kind));
    },
    remedy: `kubectl apply --server-side -f ${gatewayApi}`,
  };
}

/** Registered, and answering: what an APIService without its pods is not. */
function isAvailable(found: string): boolean {
  const { status } = JSON.parse(found) as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some((one) => one.type === 'Available' && one.status === 'True') ?? false;
}

/**
 * What of it the cluster lacks, each with its remedy.
 * @throws Error when no cluster answers, or it does not let itself be asked
 */
export async function missingPrerequisites(settings: Settings): Promise<string[]> {
  const { context } = settings.cluster;
  const why = await unreachable(context);
  if (why) throw new Error(`no cluster answers: ${why}`);
  const answers = await Promise.all(
    prerequisites(settings).map(async (one) => ({ one, answer: await askKubectl(one.check, context) })),
  );
  const unclear = answers.filter(({ answer }) => !answer.ok && !absent.test(answer.said));
  if (unclear.length > 0)
    throw new Error(
      unclear.map(({ one, answer }) => `could not look for ${one.what}: ${answer.said}`).join('\n'),
    );
  return answers
    .filter(({ one, answer }) => !answer.ok || !(one.holds?.(answer.said) ?? true))
    .map(({ one }) => `${one.what}: ${one.remedy}`);
}

/** How kubectl says that something is not there, and not that it may not look. */
const absent = /\(NotFound\)|the server doesn't have a resource type/;
