import type { Selector } from '../engine/kubernetes.ts';
import { isKind, kindOf, namespaceOf, objectName, podTemplate, selects, spec } from '../engine/kubernetes.ts';
import type { Resource } from '../engine/rule.ts';
import { integer, mandatoryInProd, stackRule } from '../engine/rule.ts';
import { runsCaseService } from './workloads.ts';

/** Disruption budgets, autoscalers and replicas, which only make sense together. */

interface Budget {
  readonly selector?: Selector;
  readonly minAvailable?: number | string;
  readonly maxUnavailable?: number | string;
  readonly unhealthyPodEvictionPolicy?: string;
}
interface Autoscaler {
  readonly minReplicas?: number;
  readonly maxReplicas?: number;
  readonly scaleTargetRef?: { readonly kind?: string; readonly name?: string };
}

const isBudget = (resource: Resource): boolean => isKind(resource, 'PodDisruptionBudget');
const isAutoscaler = (resource: Resource): boolean => isKind(resource, 'HorizontalPodAutoscaler');
const isReplicated = (resource: Resource): boolean => isKind(resource, 'Deployment', 'StatefulSet');

export const availabilityRules = [
  stackRule({
    name: 'pdb-present',
    control: 'POD-5',
    title: 'Everything with more than one replica has a disruption budget',
    why: 'A node drain evicts all replicas at once.',
    severity: 'medium',
    remediation: 'Add a PodDisruptionBudget that selects the pods, with maxUnavailable: 1.',
    references: ['kube-score deployment-has-poddisruptionbudget', 'polaris missingPodDisruptionBudget'],
    *check(resources) {
      for (const workload of resources.filter(isReplicated))
        if (replicas(workload, resources) > 1 && budgetsOf(workload, resources).length !== 1)
          yield {
            message: `${budgetsOf(workload, resources).length} budgets select its pods, one should`,
            resource: workload,
          };
    },
  }),
  stackRule({
    name: 'pdb-leaves-room',
    control: 'POD-5',
    title: 'A disruption budget lets a node be drained, an unhealthy pod included',
    why: 'A budget that allows no eviction blocks every upgrade of the cluster.',
    severity: 'medium',
    remediation:
      'Keep minAvailable below the least number of replicas, or use maxUnavailable: 1; set unhealthyPodEvictionPolicy: AlwaysAllow.',
    references: [
      'kube-linter pdb-min-available',
      'kube-linter pdb-unhealthy-pod-eviction-policy',
      'polaris pdbMinAvailableGreaterThanHPAMinReplicas',
    ],
    *check(resources) {
      for (const resource of resources.filter(isBudget)) {
        const { minAvailable, maxUnavailable, unhealthyPodEvictionPolicy, selector } = spec<Budget>(resource);
        const selected = resources.filter(
          (one) =>
            isReplicated(one) &&
            namespaceOf(one) === namespaceOf(resource) &&
            selects(selector, podTemplate(one).metadata?.labels),
        );
        if (selected.length === 0) yield { message: 'selects no pods', resource };
        if (unhealthyPodEvictionPolicy !== 'AlwaysAllow')
          yield { message: 'unhealthyPodEvictionPolicy is not AlwaysAllow', resource };
        for (const workload of selected) {
          const least = replicas(workload, resources);
          if (minAvailable !== undefined && share(minAvailable, least) >= least)
            yield {
              message: `minAvailable ${minAvailable} of ${least} replicas allows no eviction`,
              resource,
            };
          if (maxUnavailable !== undefined && share(maxUnavailable, least) < 1)
            yield { message: `maxUnavailable ${maxUnavailable} allows no eviction`, resource };
        }
      }
    },
  }),
  stackRule({
    name: 'hpa-owns-replicas',
    control: 'POD-5',
    title: 'An autoscaler has a target that exists, leaves replicas to it, and a sensible range',
    why: 'Two owners of one number undo each other at every deployment.',
    severity: 'low',
    remediation: 'Leave replicas out of the Deployment; set minReplicas ≤ maxReplicas.',
    references: ['kube-linter dangling-horizontalpodautoscaler', 'kube-score deployment-targeted-by-hpa'],
    *check(resources) {
      for (const resource of resources.filter(isAutoscaler)) {
        const { minReplicas = 1, maxReplicas = 0 } = spec<Autoscaler>(resource);
        const target = targetOf(resource, resources);
        if (!target) yield { message: 'its target is not in this stack', resource };
        else if (spec<{ replicas?: number }>(target).replicas !== undefined)
          yield { message: 'replicas is set beside its autoscaler', resource: target };
        if (minReplicas > maxReplicas)
          yield { message: `minReplicas ${minReplicas} > maxReplicas ${maxReplicas}`, resource };
      }
    },
  }),
  stackRule({
    name: 'case-service-replicas',
    control: 'POD-5',
    title: 'Enough replicas of the case service run to lose one',
    why: 'With one replica every deployment and every node loss is an outage.',
    severity: 'high',
    remediation: 'Raise app.replicas, or the autoscaler’s minimum.',
    references: ['kube-linter minimum-three-replicas', 'C-0255'],
    levels: mandatoryInProd,
    config: { properties: { minimum: integer('Fewest replicas', 3) } },
    *check(resources, config) {
      const least = config.minimum as number;
      for (const workload of resources.filter((one) => isKind(one, 'Deployment') && runsCaseService(one))) {
        const count = replicas(workload, resources);
        if (count < least) yield { message: `${count} replicas, fewer than ${least}`, resource: workload };
      }
    },
  }),
] as const;

function budgetsOf(workload: Resource, resources: readonly Resource[]): readonly Resource[] {
  const { labels } = podTemplate(workload).metadata ?? {};
  return resources.filter(
    (one) =>
      isBudget(one) &&
      namespaceOf(one) === namespaceOf(workload) &&
      selects(spec<Budget>(one).selector, labels),
  );
}

function targetOf(autoscaler: Resource, resources: readonly Resource[]): Resource | undefined {
  const { scaleTargetRef } = spec<Autoscaler>(autoscaler);
  return resources.find(
    (one) =>
      kindOf(one) === scaleTargetRef?.kind &&
      objectName(one) === scaleTargetRef.name &&
      namespaceOf(one) === namespaceOf(autoscaler),
  );
}

/** The fewest replicas there may be: the autoscaler's minimum, else what the workload says, else one. */
function replicas(workload: Resource, resources: readonly Resource[]): number {
  const autoscaler = autoscalerOf(workload, resources);
  return autoscaler ? (spec<Autoscaler>(autoscaler).minReplicas ?? 1) : ownReplicas(workload);
}

/** The most replicas there may be: the autoscaler's maximum, else what the workload says, else one. */
export function mostReplicas(workload: Resource, resources: readonly Resource[]): number {
  const autoscaler = autoscalerOf(workload, resources);
  return autoscaler ? (spec<Autoscaler>(autoscaler).maxReplicas ?? 1) : ownReplicas(workload);
}

function ownReplicas(workload: Resource): number {
  return spec<{ replicas?: number }>(workload).replicas ?? 1;
}

function autoscalerOf(workload: Resource, resources: readonly Resource[]): Resource | undefined {
  return resources.filter(isAutoscaler).find((one) => targetOf(one, resources) === workload);
}

/** Kubernetes rounds percentages of a budget up. */
function share(value: number | string, of: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) / 100) * of);
}
