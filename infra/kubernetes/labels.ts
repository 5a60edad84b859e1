import type { Settings } from '../settings/index.ts';

/**
 * Labels of an object. `component` is the network identity that NetworkPolicies select by; `name` is what Services
 * and workloads select by, so that a probe can carry a component's identity without taking its traffic.
 */
export function labels(settings: Settings, component: string, name = component): Record<string, string> {
  return { ...selector(settings, name), 'app.kubernetes.io/component': component, ...shared };
}

/** Which pods belong to a workload: never changes over its life. */
export function selector(settings: Settings, name: string): Record<string, string> {
  return { 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': settings.namespace };
}

const shared = { 'app.kubernetes.io/part-of': 'simple378', 'app.kubernetes.io/managed-by': 'pulumi' };

/** Name and labels of a namespaced object of a component. */
export function metadata(
  settings: Settings,
  name: string,
  component: string,
  annotations?: Readonly<Record<string, string>>,
) {
  return {
    name,
    namespace: settings.namespace,
    labels: labels(settings, component),
    ...(annotations ? { annotations } : {}),
  };
}

/** The name of an object outside any namespace: two stacks of one cluster must not share it. */
export function clusterWide(settings: Settings, name: string): string {
  return `${settings.namespace}-${name}`;
}
