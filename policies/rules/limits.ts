import { filesOf, isKind } from '../engine/kubernetes.ts';
import type { Resource } from '../engine/rule.ts';
import { integer, stackRule } from '../engine/rule.ts';
import { mostReplicas } from './availability.ts';
import { runsCaseService } from './workloads.ts';

/** The limits of the service. */

export const limitRules = [
  stackRule({
    name: 'limits-within-capacity',
    control: 'LIM-1',
    title: 'Rate limits stay below what the fleet was tested with, and fail safely at login',
    why: 'A limit above the knee protects nothing; a login limit that fails open invites guessing.',
    severity: 'high',
    remediation:
      'Lower the global quota or measure more capacity; set onStoreError: closed on login policies.',
    references: ['API4', 'API6', 'ASVS 2.4.1', 'ASVS 6.3.1'],
    config: {
      properties: {
        perReplica: integer(
          'Requests a second that one replica carried in the load test; 0 when none was run',
          0,
        ),
      },
    },
    *check(resources, config) {
      const tested = (config.perReplica as number) * fleet(resources);
      for (const resource of resources)
        for (const [file, text] of filesOf(resource, /polic(y|ies)\.json$/)) {
          const limits = JSON.parse(text) as readonly Limit[];
          for (const limit of limits)
            for (const problem of problemsOf(limit, tested))
              yield { message: `${file}: ${limit.name} ${problem}`, resource };
          const shared = limits.filter(({ scope }) => scope === 'global');
          const rate = shared.reduce((sum, { quota, windowSeconds }) => sum + quota / windowSeconds, 0);
          if (tested > 0 && rate > tested) {
            const names = shared.map(({ name }) => name).join(' and ');
            const message = `${file}: ${names} admit ${rate}/s together, the fleet was tested with ${tested}/s`;
            yield { message, resource };
          }
        }
    },
  }),
] as const;

interface Limit {
  readonly name: string;
  readonly scope: string;
  readonly quota: number;
  readonly windowSeconds: number;
  readonly onStoreError: string;
  readonly mode: string;
}

/** The most replicas of the case service that there may be. */
function fleet(resources: readonly Resource[]): number {
  return resources
    .filter((one) => isKind(one, 'Deployment') && runsCaseService(one))
    .reduce((sum, workload) => sum + mostReplicas(workload, resources), 0);
}

function problemsOf({ name, scope, onStoreError, mode }: Limit, tested: number): readonly string[] {
  const login = name.startsWith('login');
  return [
    ...(scope === 'global' && tested > 0 && mode === 'shadow' ? ['is only watched'] : []),
    ...(login && onStoreError !== 'closed' ? [`fails ${onStoreError}`] : []),
    ...(login && mode === 'shadow' ? ['is only watched'] : []),
  ];
}
