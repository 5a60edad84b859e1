import type { PodSpec } from 'kubernetes-types/core/v1.js';
import { labels } from '../kubernetes/labels.ts';
import type { Manifest, Part } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';

/** Room above what is asked for: rolling updates run beside what is there. */
const headroom = 1.6;
/** And for what comes now and then: backup, restore, one network probe per component. */
const visitors = { cpu: 1000, memory: 1536, disk: 1024, pods: 12 };

/** How much the namespace may ask for: what its workloads need, computed from them, and some headroom. */
export function quotas(settings: Settings, parts: readonly Part[]): Part {
  const total = { cpu: 0, memory: 0, disk: 0, pods: 0 };
  for (const { count, pod } of parts
    .flatMap(({ manifests }) => manifests)
    .flatMap((object) => podsOf(object, settings)))
    for (const { resources } of pod.containers) {
      total.cpu += count * amount(resources?.requests?.cpu);
      total.memory += count * amount(resources?.requests?.memory);
      total.disk += count * amount(resources?.requests?.['ephemeral-storage']);
      total.pods += count / pod.containers.length;
    }
  const room = (of: keyof typeof visitors) => Math.ceil(total[of] * headroom) + visitors[of];
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
            'limits.cpu': `${room('cpu') * 4}m`,
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

function podsOf({ kind, spec }: Manifest, settings: Settings): { count: number; pod: PodSpec }[] {
  const of = spec as {
    replicas?: number;
    template?: { spec: PodSpec };
    jobTemplate?: { spec: { template: { spec: PodSpec } } };
  };
  if (kind === 'CronJob' && of.jobTemplate) return [{ count: 1, pod: of.jobTemplate.spec.template.spec }];
  if (!of?.template) return [];
  // Without replicas an autoscaler owns them: room for the most.
  return [{ count: of.replicas ?? settings.app.autoscaling?.maxReplicas ?? 1, pod: of.template.spec }];
}

/** The number of a quantity such as 250m or 64Mi; all of the program's are written in these units. */
function amount(quantity: unknown): number {
  return Number.parseInt(String(quantity), 10);
}
