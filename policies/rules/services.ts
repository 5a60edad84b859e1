import type { Labels } from '../engine/kubernetes.ts';
import {
  isKind,
  isWorkload,
  label,
  longRunning,
  namespaceOf,
  objectName,
  podTemplate,
  selects,
  spec,
} from '../engine/kubernetes.ts';
import type { Resource, Violation } from '../engine/rule.ts';
import { names, resourceRule, stackRule } from '../engine/rule.ts';

/** Services: that they lead to pods of the stack, and from inside the cluster only. */

interface ServiceSpec {
  readonly type?: string;
  readonly selector?: Labels;
  readonly externalIPs?: readonly string[];
  readonly ports?: readonly {
    readonly port?: number;
    readonly targetPort?: number | string;
    readonly name?: string;
  }[];
}

export const serviceRules = [
  stackRule({
    name: 'service-selects-pods',
    control: 'NET-2',
    title: 'Every Service selects pods, and its target ports are theirs',
    why: 'A Service without pods is a name that leads nowhere; a wrong port only shows under traffic.',
    severity: 'medium',
    remediation: 'Make the selector match the pod labels, and targetPort a containerPort or its name.',
    references: ['kube-linter dangling-service', 'kube-linter invalid-target-ports'],
    *check(resources) {
      for (const resource of resources.filter((one) => isKind(one, 'Service')))
        yield* danglingService(resource, resources);
    },
  }),
  resourceRule({
    name: 'service-cluster-internal',
    control: 'EXP-1',
    title: 'Services are reachable from within the cluster only, save the edge',
    why: 'A NodePort or LoadBalancer passes by the edge: no TLS policy, no headers, no route.',
    severity: 'high',
    remediation: 'Use type: ClusterIP and publish through a route; name the edge in edgeServices.',
    references: ['C-0256', 'kube-linter exposed-services', 'NSA'],
    config: {
      properties: { edgeServices: names('Services that may be of another type', ['edge']) },
    },
    applies: (resource) => isKind(resource, 'Service'),
    *check(resource, config) {
      const { type = 'ClusterIP', externalIPs = [] } = spec<ServiceSpec>(resource);
      const edge = (config.edgeServices as readonly string[]).includes(objectName(resource));
      if (type !== 'ClusterIP' && !edge) yield `type is ${type}`;
      if (externalIPs.length > 0) yield 'names externalIPs (CVE-2020-8554)';
    },
  }),
  stackRule({
    name: 'statefulset-has-service',
    control: 'NET-2',
    title: 'Every StatefulSet names a Service that exists',
    why: 'Without it its pods have no stable names, and Redis announces addresses that nobody resolves.',
    severity: 'medium',
    remediation: 'Create the headless Service and name it in serviceName.',
    references: ['kube-score statefulset-has-servicename'],
    *check(resources) {
      const services = new Set(
        resources
          .filter((one) => isKind(one, 'Service'))
          .map((one) => `${namespaceOf(one)}/${objectName(one)}`),
      );
      for (const resource of resources.filter((one) => isKind(one, 'StatefulSet'))) {
        const { serviceName = '' } = spec<{ serviceName?: string }>(resource);
        if (!services.has(`${namespaceOf(resource)}/${serviceName}`))
          yield { message: `serviceName ${serviceName || '(none)'} is no Service of this stack`, resource };
      }
    },
  }),
] as const;

function* danglingService(service: Resource, resources: readonly Resource[]): Generator<Violation> {
  const { selector, ports = [], type } = spec<ServiceSpec>(service);
  if (type === 'ExternalName' || !selector) {
    yield { message: 'has no selector', resource: service };
    return;
  }
  const selected = resources.filter(
    (one) =>
      isWorkload(one) &&
      namespaceOf(one) === namespaceOf(service) &&
      selects({ matchLabels: selector }, podTemplate(one).metadata?.labels),
  );
  if (selected.length === 0) yield { message: 'selects no pod', resource: service };
  for (const workload of selected)
    for (const { port, targetPort = port } of ports) {
      const open = longRunning(workload).flatMap((container) => container.ports ?? []);
      if (!open.some(({ name, containerPort }) => name === targetPort || containerPort === targetPort))
        yield { message: `targetPort ${targetPort} is no port of ${label(workload)}`, resource: service };
    }
}
