import type { PodTemplateSpec } from 'kubernetes-types/core/v1.js';
import type { Settings } from '../settings/index.ts';
import { isPlaced, placementOf } from '../settings/placement.ts';
import { metadata, selector } from './labels.ts';
import type { Manifest } from './manifest.ts';
import { pullSecrets } from './pod.ts';

/** The account of one workload; it has no rights and no mounted token. */
export function serviceAccount(settings: Settings, name: string, component = name): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: metadata(settings, name, component, annotationsOf(settings, component)),
    automountServiceAccountToken: false,
    ...pullSecrets(settings),
  };
}

/** An identity at a cloud, by the annotations of the settings. */
function annotationsOf(settings: Settings, component: string): Readonly<Record<string, string>> | undefined {
  const annotations = isPlaced(component)
    ? placementOf(settings, component).serviceAccountAnnotations
    : undefined;
  return annotations && Object.keys(annotations).length > 0 ? annotations : undefined;
}

/** Files that are no secret. */
export function configMap(
  settings: Settings,
  name: string,
  component: string,
  data: Readonly<Record<string, string>>,
): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(settings, name, component), data };
}

/** How a Service is published. */
export interface ServiceInput {
  readonly name: string;
  readonly component: string;
  /** Selects by this workload name; the component's when absent. */
  readonly workload?: string;
  /** Port names, as in the pods; a number where the Service's differs from the pod's. */
  readonly ports: Readonly<Record<string, number>>;
  readonly headless?: boolean;
  /** Also pods that are not ready: for peers that must find each other to become ready. */
  readonly unready?: boolean;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A Service; its target ports are named. */
export function service(settings: Settings, input: ServiceInput): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(settings, input.name, input.component),
    spec: {
      ...(input.headless ? { clusterIP: 'None' } : { type: 'ClusterIP' }),
      ...(input.unready ? { publishNotReadyAddresses: true } : {}),
      ...families(settings.cluster.ipFamilies),
      // With the component's label, too: the VPC CNI of AWS adds a Service's address to a policy only if the Service selects by
      // every label that the policy does.
      selector: {
        ...selector(settings, input.workload ?? input.component),
        'app.kubernetes.io/component': input.component,
      },
      ports: Object.entries(input.ports).map(([name, port]) => ({
        name,
        port,
        targetPort: name,
        protocol: 'TCP',
      })),
      ...input.spec,
    },
  };
}

/** The IP families of a Service; the cluster's own where the settings name IPv4 alone. */
function families(ipFamilies: readonly string[]): object {
  if (ipFamilies.length === 1 && ipFamilies[0] === 'IPv4') return {};
  return {
    ipFamilyPolicy: ipFamilies.length > 1 ? 'PreferDualStack' : 'SingleStack',
    ipFamilies: [...ipFamilies],
  };
}

/** A Deployment. `replicas` absent: an autoscaler owns them. */
export function deployment(
  settings: Settings,
  name: string,
  template: PodTemplateSpec,
  spec: Readonly<Record<string, unknown>>,
): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(settings, name, name),
    spec: {
      revisionHistoryLimit: 5,
      progressDeadlineSeconds: 300,
      selector: { matchLabels: selector(settings, name) },
      ...spec,
      template,
    },
  };
}

/** Pods with names and volumes of their own. Volume templates cannot change later, so they carry no version. */
export function statefulSet(
  settings: Settings,
  name: string,
  template: PodTemplateSpec,
  input: {
    readonly replicas: number;
    readonly service: string;
    readonly volumes: Readonly<Record<string, number>>;
    /** How long a pod must have been ready before an update goes on to the next. */
    readonly minReadySeconds?: number;
  },
): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadata(settings, name, name),
    spec: {
      replicas: input.replicas,
      serviceName: input.service,
      // Not one after the other: a pod that a bad image keeps from starting would hold up its own replacement for ever.
      podManagementPolicy: 'Parallel',
      ...(input.minReadySeconds ? { minReadySeconds: input.minReadySeconds } : {}),
      revisionHistoryLimit: 5,
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: selector(settings, name) },
      template,
      volumeClaimTemplates: Object.entries(input.volumes).map(([volume, size]) => ({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: volume, labels: selector(settings, name) },
        spec: claimSpec(settings, size),
      })),
    },
  };
}

/** A volume of a workload that is no StatefulSet. */
export function volumeClaim(settings: Settings, name: string, component: string, size: number): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadata(settings, name, component),
    spec: claimSpec(settings, size),
  };
}

function claimSpec(settings: Settings, size: number) {
  return {
    accessModes: ['ReadWriteOnce'],
    ...(settings.storage.className ? { storageClassName: settings.storage.className } : {}),
    resources: { requests: { storage: `${size}Gi` } },
  };
}

/** Scales a Deployment by the CPU that its pods use. */
export function autoscaler(
  settings: Settings,
  name: string,
  input: { readonly minReplicas: number; readonly maxReplicas: number; readonly cpuPercent: number },
): Manifest {
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: metadata(settings, name, name),
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: input.minReplicas,
      maxReplicas: input.maxReplicas,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: input.cpuPercent } },
        },
      ],
      behavior: {
        scaleDown: {
          stabilizationWindowSeconds: 300,
          policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
        },
      },
    },
  };
}

/** How many pods a drain must leave; pods that are not ready never block it. */
export function disruptionBudget(settings: Settings, name: string, minAvailable: number): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadata(settings, name, name),
    spec: {
      minAvailable,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selector(settings, name) },
    },
  };
}
