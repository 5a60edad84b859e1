import { createHash } from 'node:crypto';
import type { Container, PodTemplateSpec, Probe, Volume } from 'kubernetes-types/core/v1.js';
import type { Settings } from '../settings/index.ts';
import { labels } from './labels.ts';

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
  /** Local disk in MiB, requested and limit; logs and temporary files. */
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
  /** Whether replicas keep away from each other's nodes and zones. */
  readonly spread?: boolean;
}

/** Where a volume's files come from. */
export type VolumeInput =
  | { readonly configMap: string }
  | { readonly configMaps: readonly string[] }
  | { readonly secret: string; readonly only?: readonly string[] }
  | { readonly claim: string }
  /** Scratch space in MiB, in memory when it holds secrets. */
  | { readonly scratch: number; readonly inMemory?: boolean };

/**
 * The one way to a pod: restricted by Pod Security Standards, read-only root, no token, requests and limits for
 * all three resources, secrets readable by the user alone. Nothing in the program writes a pod spec by itself.
 */
export function podTemplate(settings: Settings, pod: PodInput): PodTemplateSpec {
  const name = pod.name ?? pod.component;
  return {
    metadata: {
      labels: labels(settings, pod.component, name),
      ...(pod.config === undefined
        ? {}
        : { annotations: { 'simple378.example/config-hash': configHash(pod.config) } }),
    },
    spec: {
      serviceAccountName: name,
      automountServiceAccountToken: pod.apiAccess === true,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: pod.graceSeconds ?? 30,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: pod.user,
        runAsGroup: pod.user,
        fsGroup: pod.user,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(settings.imagePullSecret ? { imagePullSecrets: [{ name: settings.imagePullSecret }] } : {}),
      ...(pod.restartPolicy ? { restartPolicy: pod.restartPolicy } : {}),
      ...(pod.spread ? spread(settings, name) : {}),
      ...(pod.initContainers
        ? { initContainers: pod.initContainers.map((input) => container(settings, input)) }
        : {}),
      containers: pod.containers.map((input) => container(settings, input)),
      volumes: Object.entries(pod.volumes ?? {}).map(([key, input]) => volume(key, input)),
    },
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

function container(settings: Settings, input: ContainerInput): Container {
  const disk = `${input.disk ?? 64}Mi`;
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
    resources: {
      requests: { cpu: `${input.cpu}m`, memory: `${input.memory}Mi`, 'ephemeral-storage': disk },
      limits: { cpu: `${input.cpu * 4}m`, memory: `${input.memory}Mi`, 'ephemeral-storage': disk },
    },
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

function volume(name: string, input: VolumeInput): Volume {
  if ('configMap' in input) return { name, configMap: { name: input.configMap, defaultMode: 0o444 } };
  if ('configMaps' in input)
    return {
      name,
      projected: {
        defaultMode: 0o444,
        sources: input.configMaps.map((map) => ({ configMap: { name: map } })),
      },
    };
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
      ...(input.only ? { items: input.only.map((key) => ({ key, path: key })) } : {}),
    },
  };
}

/** Over nodes and zones as far as there are any: a small cluster still takes the pods. */
function spread(settings: Settings, name: string) {
  const matchLabels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/instance': settings.namespace };
  return {
    topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map(
      (topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels },
      }),
    ),
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels } },
          },
        ],
      },
    },
  };
}
