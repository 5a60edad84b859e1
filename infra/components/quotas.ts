import type { PodSpec } from 'kubernetes-types/core/v1.js';
import { labels } from '../kubernetes/labels.ts';
import type { Component, Manifest } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import { amountOf } from '../settings/quantity.ts';

/** And for what comes now and then: backup, restore, one network probe per component. */
const visitors = { cpu: 1000, memory: 1536, disk: 1024, pods: 12 };

/** How much the namespace may ask for: what its workloads need, computed from them, and some headroom. */
export function quotas(settings: Settings, parts: readonly Component[]): Component {
  const total = { cpu: 0, memory: 0, disk: 0, pods: 0 };
  for (const { count, pod } of parts
    .flatMap(({ manifests }) => manifests)
    .flatMap((object) => podsOf(object, settings)))
    for (const { resources } of pod.containers) {
      // Limits follow requests but for CPU, unless the settings say otherwise: the larger of both counts.
      const { requests = {}, limits = {} } = resources ?? {};
      total.cpu +=
        count * Math.max(amountOf(requests['cpu']) * 1000, (amountOf(limits['cpu']) * 1000) / cpuLimitFactor);
      total.memory += count * Math.max(mebibytes(requests['memory']), mebibytes(limits['memory']));
      total.disk +=
        count * Math.max(mebibytes(requests['ephemeral-storage']), mebibytes(limits['ephemeral-storage']));
      total.pods += count / pod.containers.length;
    }
  const { quota } = settings.cluster;
  total.cpu += total.pods * quota.sidecarCpu;
  total.memory += total.pods * quota.sidecarMemory;
  // Rolling updates run beside what is there.
  const room = (of: keyof typeof visitors) =>
    Math.ceil(total[of] * (1 + quota.headroomPercent / 100)) + visitors[of];
  if (!quota.enabled) return { name: 'quotas', after: ['namespace'], manifests: [] };
  return {
    name: 'quotas',
    after: ['namespace'],
    manifests: [
      {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'namespace', namespace: settings.namespace, labels: labels(settings, 'namespace') },
        spec: {
          hard: {
            'requests.cpu': `${room('cpu')}m`,
            'limits.cpu': `${room('cpu') * cpuLimitFactor}m`,
            'requests.memory': `${room('memory')}Mi`,
            'limits.memory': `${room('memory')}Mi`,
            'requests.ephemeral-storage': `${room('disk')}Mi`,
            'limits.ephemeral-storage': `${room('disk')}Mi`,
            pods: String(room('pods')),
            'services.loadbalancers': '1',
            'services.nodeports': settings.edge.serviceType === 'ClusterIP' ? '0' : '1',
          },
        },
      },
    ],
  };
}

function podsOf({ kind, metadata, spec }: Manifest, settings: Settings): { count: number; pod: PodSpec }[] {
  const of = spec as {
    replicas?: number;
    template?: { spec: PodSpec };
    jobTemplate?: { spec: { template: { spec: PodSpec } } };
  };
  if (kind === 'CronJob' && of.jobTemplate) return [{ count: 1, pod: of.jobTemplate.spec.template.spec }];
  if (!of?.template) return [];
  // Without replicas an autoscaler owns them: room for the most.
  return [{ count: of.replicas ?? mostPods(settings, metadata.name), pod: of.template.spec }];
}

const mostPods = ({ app, edge }: Settings, name: string): number =>
  (name === 'edge' ? edge : app).autoscaling?.maxReplicas ?? 1;

/** Limits of CPU are this many times the requests. */
const cpuLimitFactor = 4;
const mebibytes = (quantity: unknown): number => amountOf(quantity) / 2 ** 20;
