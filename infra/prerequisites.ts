import { execFile } from 'node:child_process';
import type { Settings } from './settings.ts';

/** Something a cluster must have before an environment can be made, and the command that brings it. */
export interface Prerequisite {
  readonly what: string;
  /** Arguments of kubectl that succeed where it is there. */
  readonly check: readonly string[];
  readonly remedy: string;
}

/** What the settings need of the cluster, and this program does not bring. */
export function prerequisites(settings: Settings): Prerequisite[] {
  const { storage, tls, app, edge } = settings;
  const gatewayKinds = ['gatewayclasses', 'gateways', 'httproutes', 'backendtlspolicies'];
  return [
    {
      what: 'the Gateway API of version 1.4 or newer, standard channel',
      check: ['get', 'crd', ...gatewayKinds.map((kind) => `${kind}.gateway.networking.k8s.io`)],
      remedy:
        'kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.1/standard-install.yaml',
    },
    ...(edge.existing
      ? [
          {
            what: `GatewayClass ${edge.existing.gatewayClass} (edge.existing.gatewayClass)`,
            check: ['get', 'gatewayclass', edge.existing.gatewayClass],
            remedy: 'name one of: kubectl get gatewayclasses',
          },
        ]
      : []),
    ...(app.autoscaling
      ? [
          {
            what: 'metrics-server, which app.autoscaling reads CPU from',
            check: ['get', 'apiservice', 'v1beta1.metrics.k8s.io'],
            remedy:
              'kubectl apply -f https://github.com/kubernetes-sigs/metrics-server/releases/latest/download/components.yaml',
          },
        ]
      : []),
    ...(tls.issuer === 'cert-manager'
      ? [
          {
            what: 'cert-manager (tls.issuer)',
            check: ['get', 'crd', 'certificates.cert-manager.io'],
            remedy:
              'kubectl apply -f https://github.com/cert-manager/cert-manager/releases/download/v1.21.1/cert-manager.yaml',
          },
        ]
      : []),
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

/**
 * What of it the cluster of kubectl's current context lacks, each with its remedy.
 * @throws Error when no cluster answers
 */
export async function missingPrerequisites(settings: Settings, call: Call = kubectl): Promise<string[]> {
  const reachable = await call(['get', '--raw', '/readyz', '--request-timeout=5s']);
  if (!reachable.ok) throw new Error(`no cluster answers: ${reachable.said}`);
  const answers = await Promise.all(
    prerequisites(settings).map(async (one) => ({ one, answer: await call(one.check) })),
  );
  return answers.filter(({ answer }) => !answer.ok).map(({ one }) => `${one.what}: ${one.remedy}`);
}

type Call = (args: readonly string[]) => Promise<{ ok: boolean; said: string }>;

const kubectl: Call = (args) =>
  new Promise((resolve) => {
    execFile('kubectl', [...args], (error, _, stderr) => {
      resolve({ ok: error === null, said: stderr.trim() || (error?.message ?? '') });
    });
  });
