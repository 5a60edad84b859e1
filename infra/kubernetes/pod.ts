import { createHash } from 'node:crypto';
import type { Container, PodTemplateSpec, Probe, Volume } from 'kubernetes-types/core/v1.js';
import type { Placement } from '../settings/fields.ts';
import type { Settings } from '../settings/index.ts';
import { isPlaced, placementOf } from '../settings/placement.ts';
import { amountOf } from '../settings/quantity.ts';
import { labels, selector } from './labels.ts';

/** What differs between containers; all else is the same for every one, see {@link podTemplate}. */
export interface ContainerInput {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  /** Never a secret: those are files. */
  readonly env?: Readonly<Record<string, string>>;
  /** Port names, at most 15 characters: Services, probes and NetworkPolicies use the name. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly mounts?: Readonly<Record<string, string>>;
  /** Volumes of {@link ContainerInput.mounts} that are written to. */
  readonly writable?: readonly string[];
  readonly readiness?: Probe;
  readonly liveness?: Probe;
  readonly startup?: Probe;
  readonly preStop?:
    | { readonly sleep: { readonly seconds: number } }
    | { readonly exec: { readonly command: string[] } };
  /** Requested CPU in thousandths of a core; the limit is four times as much. */
  readonly cpu: number;
  /** Memory in MiB, requested and limit. */
  readonly memory: number;
  /** Local disk in MiB for temporary files, requested and limit, beside the room for logs. */
  readonly disk?: number;
}

/** A pod of one workload. */
export interface PodInput {
  readonly component: string;
  /** The workload's name where it is not the component's. */
  readonly name?: string;
  /** User and group of all its containers. */
  readonly user: number;
  readonly containers: readonly ContainerInput[];
  readonly initContainers?: readonly ContainerInput[];
  readonly volumes?: Readonly<Record<string, VolumeInput>>;
  /** Contents of the configuration it reads only at start: when one changes, the pods roll. */
  readonly config?: unknown;
  readonly graceSeconds?: number;
  /** Only a controller that must call the API server has a token. */
  readonly apiAccess?: boolean;
  readonly restartPolicy?: 'Never' | 'OnFailure';
  /** Whether replicas keep away from each other's nodes and zones: if they can, or always where there are enough of them. */
  readonly spread?: 'preferred' | 'required';
}

interface SecretVolume {
  readonly secret: string;
  /** These files alone. */
  readonly only?: readonly string[];
}

/** Where a volume's files come from. */
export type VolumeInput =
  | { readonly configMap: string }
  /** Files of several in one folder. */
  | { readonly projected: readonly ({ readonly configMap: string } | SecretVolume)[] }
  | SecretVolume
  | { readonly claim: string }
  /** Scratch space in MiB, in memory when it holds secrets. */
  | { readonly scratch: number; readonly inMemory?: boolean };

/**
 * The one way to a pod: restricted by Pod Security Standards, read-only root, no token, requests and limits for
 * all three resources, secrets readable by the user alone. Nothing in the program writes a pod spec by itself.
 */
export function podTemplate(settings: Settings, pod: PodInput): PodTemplateSpec {
  const name = pod.name ?? pod.component;
  const placement = isPlaced(pod.component) ? placementOf(settings, pod.component) : undefined;
  // Probes of the network carry a component's identity, and need neither its labels nor its size.
  const own = name === pod.component ? placement : undefined;
  const scratch = Object.values(pod.volumes ?? {}).reduce((sum, input) => sum + diskOf(input), 0);
  const annotations = {
    ...(pod.config === undefined ? {} : { 'simple378.example/config-hash': configHash(pod.config) }),
    ...(settings.cluster.mesh === 'none' ? { 'linkerd.io/inject': 'disabled' } : {}),
    ...own?.podAnnotations,
  };
  return {
    metadata: {
      labels: {
        ...labels(settings, pod.component, name),
        ...(settings.cluster.mesh === 'none' ? withoutMesh : {}),
        ...own?.podLabels,
      },
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: {
      serviceAccountName: name,
      automountServiceAccountToken: pod.apiAccess === true,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: pod.graceSeconds ?? 30,
      securityContext: {
        runAsNonRoot: true,
        // OpenShift gives each namespace its own range of ids, and refuses all others.
        ...(settings.cluster.platform === 'openshift'
          ? {}
          : {
              runAsUser: pod.user,
              runAsGroup: pod.user,
              fsGroup: pod.user,
              fsGroupChangePolicy: 'OnRootMismatch',
            }),
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...pullSecrets(settings),
      ...(pod.restartPolicy ? { restartPolicy: pod.restartPolicy } : {}),
      ...(placement ? placed(placement) : {}),
      ...spread(settings, name, placement?.topologySpread ?? [], pod.spread),
      ...(pod.initContainers
        ? { initContainers: pod.initContainers.map((input) => container(settings, input)) }
        : {}),
      containers: pod.containers.map((input, index) =>
        index === 0
          ? container(settings, { ...input, disk: (input.disk ?? 0) + scratch }, own?.resources)
          : container(settings, input),
      ),
      volumes: Object.entries(pod.volumes ?? {}).map(([key, input]) => volume(key, input)),
    },
  };
}

/** Sidecars of a mesh need rights that the namespace refuses, unless the settings say that they come by a CNI plugin. */
const withoutMesh = { 'sidecar.istio.io/inject': 'false', 'istio.io/dataplane-mode': 'none' };

/** Returns the Secret that nodes pull images with, as pods and ServiceAccounts name it. */
export const pullSecrets = ({ imagePullSecret }: Pick<Settings, 'imagePullSecret'>) =>
  imagePullSecret ? { imagePullSecrets: [{ name: imagePullSecret }] } : {};

/** Local disk that a volume takes, in MiB. */
const diskOf = (input: VolumeInput): number => ('scratch' in input && !input.inMemory ? input.scratch : 0);

function placed({ nodeSelector, tolerations, priorityClass }: Placement) {
  return {
    ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
    ...(tolerations.length > 0 ? { tolerations } : {}),
    ...(priorityClass ? { priorityClassName: priorityClass } : {}),
  };
}

/** A digest of configuration, independent of the order of keys. */
export function configHash(config: unknown): string {
  const stable = JSON.stringify(config, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(stable).digest('hex').slice(0, 16);
}

/** A busy node answers late; the default of a second would have it kill what works. */
const patient = { timeoutSeconds: 5 } as const;

function container(
  settings: Pick<Settings, 'imagePullPolicy' | 'cluster'>,
  input: ContainerInput,
  given?: Placement['resources'],
): Container {
  const disk = `${(input.disk ?? 0) + settings.cluster.logMib}Mi`;
  return {
    name: input.name,
    image: input.image,
    imagePullPolicy: settings.imagePullPolicy,
    ...(input.command ? { command: [...input.command] } : {}),
    ...(input.args ? { args: [...input.args] } : {}),
    ...(input.env ? { env: Object.entries(input.env).map(([name, value]) => ({ name, value })) } : {}),
    ...(input.ports
      ? {
          ports: Object.entries(input.ports).map(([name, containerPort]) => ({
            name,
            containerPort,
            protocol: 'TCP',
          })),
        }
      : {}),
    resources: resourcesOf(
      { cpu: `${input.cpu}m`, memory: `${input.memory}Mi`, 'ephemeral-storage': disk },
      { cpu: `${input.cpu * 4}m`, memory: `${input.memory}Mi`, 'ephemeral-storage': disk },
      given,
    ),
    securityContext: {
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(input.startup ? { startupProbe: input.startup } : {}),
    ...(input.readiness ? { readinessProbe: input.readiness } : {}),
    ...(input.liveness ? { livenessProbe: { ...patient, ...input.liveness } } : {}),
    ...(input.preStop ? { lifecycle: { preStop: input.preStop } } : {}),
    volumeMounts: Object.entries(input.mounts ?? {}).map(([name, mountPath]) => ({
      name,
      mountPath,
      readOnly: !input.writable?.includes(name),
    })),
  };
}

type Amounts = Readonly<Record<'cpu' | 'memory' | 'ephemeral-storage', string>>;

/** The computed requests and limits with the given ones in their place; where one side is given, the other keeps up with it. */
function resourcesOf(requests: Amounts, limits: Amounts, given: Placement['resources']) {
  const each = (choose: (name: keyof Amounts) => string) =>
    Object.fromEntries((Object.keys(requests) as (keyof Amounts)[]).map((name) => [name, choose(name)]));
  const smaller = (a: string, b: string) => (amountOf(a) <= amountOf(b) ? a : b);
  const larger = (a: string, b: string) => (amountOf(a) >= amountOf(b) ? a : b);
  return {
    requests: each(
      (name) => given?.requests?.[name] ?? smaller(requests[name], given?.limits?.[name] ?? limits[name]),
    ),
    limits: each(
      (name) => given?.limits?.[name] ?? larger(limits[name], given?.requests?.[name] ?? requests[name]),
    ),
  };
}

function volume(name: string, input: VolumeInput): Volume {
  if ('configMap' in input) return { name, configMap: { name: input.configMap, defaultMode: 0o444 } };
  if ('projected' in input) {
    const holdsSecret = input.projected.some((source) => 'secret' in source);
    return {
      name,
      projected: {
        defaultMode: holdsSecret ? 0o440 : 0o444,
        sources: input.projected.map((source) =>
          'secret' in source
            ? { secret: { name: source.secret, ...items(source.only) } }
            : { configMap: { name: source.configMap } },
        ),
      },
    };
  }
  if ('claim' in input) return { name, persistentVolumeClaim: { claimName: input.claim } };
  if ('scratch' in input)
    return {
      name,
      emptyDir: { sizeLimit: `${input.scratch}Mi`, ...(input.inMemory ? { medium: 'Memory' } : {}) },
    };
  return {
    name,
    secret: {
      secretName: input.secret,
      defaultMode: 0o400,
      ...items(input.only),
    },
  };
}

const items = (only: readonly string[] | undefined) =>
  only ? { items: only.map((key) => ({ key, path: key })) } : {};

const hostnameKey = 'kubernetes.io/hostname';
const zoneKey = 'topology.kubernetes.io/zone';
/** From this many zones on, a server in each is possible. */
const zonesToRequire = 3;

/**
 * Over nodes and zones as far as there are any: a small cluster still takes the pods. `required` lets no two share a node while
 * another node is free. Nodes that take no pods, such as cordoned ones, do not count.
 */
function spread(
  settings: Settings,
  name: string,
  given: Placement['topologySpread'],
  kind: PodInput['spread'],
) {
  const labelSelector = { matchLabels: selector(settings, name) };
  const constraint = (topologyKey: string, required: boolean) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: required ? 'DoNotSchedule' : 'ScheduleAnyway',
    ...(required ? { nodeTaintsPolicy: 'Honor' } : {}),
    labelSelector,
  });
  if (given.length > 0) return { topologySpreadConstraints: given.map((one) => ({ ...one, labelSelector })) };
  if (kind === undefined) return {};
  const required = kind === 'required';
  return {
    topologySpreadConstraints: [
      constraint(hostnameKey, required),
      constraint(zoneKey, required && settings.cluster.zones >= zonesToRequire),
    ],
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: hostnameKey, labelSelector } },
        ],
      },
    },
  };
}
