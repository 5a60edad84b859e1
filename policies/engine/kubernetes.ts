import type { Resource } from './rule.ts';

/** The parts of Kubernetes manifests that rules read: all optional, since what is absent is what they look for. */
export interface Manifest {
  readonly metadata?: Metadata;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
}
export interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
}
export type Labels = Readonly<Record<string, string>>;
export interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key?: string;
    readonly operator?: string;
    readonly values?: readonly string[];
  }[];
}
export interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly procMount?: string;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type?: string };
  readonly sysctls?: readonly { readonly name?: string }[];
}
interface Action {
  readonly host?: string;
}
export interface Handler {
  readonly httpGet?: Action & { readonly path?: string; readonly port?: string | number };
  readonly tcpSocket?: Action & { readonly port?: string | number };
  readonly exec?: { readonly command?: readonly string[] };
  readonly grpc?: { readonly port?: number };
  readonly sleep?: { readonly seconds?: number };
}
export interface EnvVar {
  readonly name?: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: unknown };
}
export interface Container {
  readonly name?: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly { readonly secretRef?: unknown }[];
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort?: number;
    readonly hostPort?: number;
  }[];
  readonly resources?: {
    readonly requests?: Labels;
    readonly limits?: Labels;
  };
  readonly securityContext?: SecurityContext;
  readonly livenessProbe?: Handler;
  readonly readinessProbe?: Handler;
  readonly startupProbe?: Handler;
  readonly lifecycle?: { readonly preStop?: Handler; readonly postStart?: Handler };
  readonly volumeMounts?: readonly {
    readonly name?: string;
    readonly mountPath?: string;
    readonly readOnly?: boolean;
  }[];
  /** `Always` makes an init container a sidecar, which lives as long as the pod. */
  readonly restartPolicy?: string;
}
export interface Volume {
  readonly name?: string;
  readonly secret?: { readonly secretName?: string; readonly defaultMode?: number };
  readonly configMap?: { readonly name?: string };
  readonly [kind: string]: unknown;
}
export interface PodSpec {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: SecurityContext;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly topologySpreadConstraints?: readonly { readonly labelSelector?: Selector }[];
  readonly volumes?: readonly Volume[];
}
export interface PodTemplate {
  readonly metadata?: Metadata;
  readonly spec?: PodSpec;
}

/** `apps/v1` and `Deployment` of `kubernetes:apps/v1:Deployment`; null for what is no Kubernetes object. */
export function kubernetesKind(resource: Resource): { group: string; kind: string } | null {
  const [provider, group, kind] = resource.type.split(':');
  return provider === 'kubernetes' && group?.includes('/') && kind ? { group, kind } : null;
}

/** The kind of a Kubernetes object, else the type token. */
export function kindOf(resource: Resource): string {
  return kubernetesKind(resource)?.kind ?? resource.type;
}

/** True for Kubernetes objects of one of the kinds. */
export function isKind(resource: Resource, ...kinds: readonly string[]): boolean {
  const kind = kubernetesKind(resource)?.kind;
  return kind !== undefined && kinds.includes(kind);
}

/** The object's properties, typed loosely. */
export function manifest(resource: Resource): Manifest {
  return resource.props as Manifest;
}

/** `spec` of an object as the type that its kind has. */
export function spec<T>(resource: Resource): T {
  return (manifest(resource).spec ?? {}) as T;
}

/** The object's name in the cluster. */
export function objectName(resource: Resource): string {
  return manifest(resource).metadata?.name ?? resource.name;
}

/** The object's namespace; `default` where none is given, as the API server would have it. */
export function namespaceOf(resource: Resource): string {
  return manifest(resource).metadata?.namespace ?? 'default';
}

/** `Kind/name`, as reports and waivers name it; of the raw resource, whose name is unknown only when generated. */
export function label(resource: Resource): string {
  return `${kindOf(resource)}/${objectName(resource)}`;
}

const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob', 'Pod'];

/** True for objects that make pods. */
export function isWorkload(resource: Resource): boolean {
  return isKind(resource, ...workloadKinds);
}

/** True for objects whose pods live on, and take traffic. */
export function isService(resource: Resource): boolean {
  return isKind(resource, 'Deployment', 'StatefulSet', 'DaemonSet');
}

/** The pods that an object makes. */
export function podTemplate(resource: Resource): PodTemplate {
  if (isKind(resource, 'Pod')) return resource.props as PodTemplate;
  if (isKind(resource, 'CronJob')) {
    const cron = spec<{ jobTemplate?: { spec?: { template?: PodTemplate } } }>(resource);
    return cron.jobTemplate?.spec?.template ?? {};
  }
  return spec<{ template?: PodTemplate }>(resource).template ?? {};
}

/** All containers of an object's pods, init containers and sidecars included. */
export function containers(resource: Resource): readonly Container[] {
  const pod = podTemplate(resource).spec ?? {};
  return [...(pod.initContainers ?? []), ...(pod.containers ?? [])];
}

/** The containers that live as long as the pod: no probes or ports are asked of the others. */
export function longRunning(resource: Resource): readonly Container[] {
  const pod = podTemplate(resource).spec ?? {};
  const sidecars = (pod.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...sidecars, ...(pod.containers ?? [])];
}

/** Whether a label selector selects an object with these labels; an empty selector selects all. */
export function selects(selector: Selector | undefined, labels: Labels | undefined): boolean {
  const have = labels ?? {};
  const exact = Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => have[key] === value);
  return exact && (selector?.matchExpressions ?? []).every((expression) => matches(expression, have));
}

function matches(expression: NonNullable<Selector['matchExpressions']>[number], labels: Labels): boolean {
  const value = labels[expression.key ?? ''];
  const listed = value !== undefined && (expression.values ?? []).includes(value);
  switch (expression.operator) {
    case 'In':
      return listed;
    case 'NotIn':
      return !listed;
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** The files of a ConfigMap whose name matches, each with its text; none for another kind. */
export function filesOf(resource: Resource, name: RegExp): readonly (readonly [string, string])[] {
  if (!isKind(resource, 'ConfigMap')) return [];
  const { data = {} } = manifest(resource);
  // By name first: what is in other files, and whether it is known, is no business of the rule.
  return Object.keys(data)
    .filter((file) => name.test(file))
    .map((file) => [file, data[file] ?? ''] as const);
}
