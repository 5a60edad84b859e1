import { CustomResource } from '@pulumi/kubernetes/apiextensions/customResource.js';
import { Deployment } from '@pulumi/kubernetes/apps/v1/deployment.js';
import { StatefulSet } from '@pulumi/kubernetes/apps/v1/statefulSet.js';
import { HorizontalPodAutoscaler } from '@pulumi/kubernetes/autoscaling/v2/horizontalPodAutoscaler.js';
import { CronJob } from '@pulumi/kubernetes/batch/v1/cronJob.js';
import { ConfigMap } from '@pulumi/kubernetes/core/v1/configMap.js';
import { LimitRange } from '@pulumi/kubernetes/core/v1/limitRange.js';
import { Namespace } from '@pulumi/kubernetes/core/v1/namespace.js';
import { PersistentVolumeClaim } from '@pulumi/kubernetes/core/v1/persistentVolumeClaim.js';
import { ResourceQuota } from '@pulumi/kubernetes/core/v1/resourceQuota.js';
import { Secret } from '@pulumi/kubernetes/core/v1/secret.js';
import { Service } from '@pulumi/kubernetes/core/v1/service.js';
import { ServiceAccount } from '@pulumi/kubernetes/core/v1/serviceAccount.js';
import { NetworkPolicy } from '@pulumi/kubernetes/networking/v1/networkPolicy.js';
import { PodDisruptionBudget } from '@pulumi/kubernetes/policy/v1/podDisruptionBudget.js';
import { ClusterRole } from '@pulumi/kubernetes/rbac/v1/clusterRole.js';
import { ClusterRoleBinding } from '@pulumi/kubernetes/rbac/v1/clusterRoleBinding.js';
import { Role } from '@pulumi/kubernetes/rbac/v1/role.js';
import { RoleBinding } from '@pulumi/kubernetes/rbac/v1/roleBinding.js';
import type * as pulumi from '@pulumi/pulumi';
import type { Manifest } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';

type ResourceClass = new (
  name: string,
  args: never,
  options?: pulumi.CustomResourceOptions,
) => pulumi.CustomResource;

/** Each kind's module by itself: the whole SDK takes seconds to import. */
const kinds: Readonly<Record<string, ResourceClass>> = {
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  CronJob,
  Deployment,
  HorizontalPodAutoscaler,
  LimitRange,
  Namespace,
  NetworkPolicy,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  ResourceQuota,
  Role,
  RoleBinding,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
};

/**
 * Registers one object under its own name; kinds of other APIs (Gateway, Certificate) as custom resources.
 * Awaiting is Pulumi's, bounded; Services without a pod yet are not waited for.
 */
export function register(
  manifest: Manifest,
  settings: Settings,
  prefix: string,
  options: pulumi.CustomResourceOptions,
): pulumi.CustomResource {
  const { apiVersion, kind, metadata, ...fields } = manifest;
  const name = `${prefix}${kind.toLowerCase()}/${metadata.name}`;
  const Kind = kinds[kind] ?? (CustomResource as unknown as ResourceClass);
  const annotations = { ...metadata.annotations, ...awaiting(manifest) };
  const args = {
    apiVersion,
    kind,
    // The API server drops an empty set, and every later run would want to add it again.
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    ...fields,
  };
  return new Kind(name, args as never, { ...options, ...lifecycle(manifest, settings) });
}

/** The seconds Pulumi waits for an object, and which ones it does not wait for at all. */
export function awaiting({ kind, spec }: Manifest): Record<string, string> {
  // A headless Service and its StatefulSet would wait for each other (pulumi-kubernetes#1974).
  if (kind === 'Service' && (spec as { clusterIP?: string }).clusterIP === 'None')
    return { 'pulumi.com/skipAwait': 'true' };
  // A claim that binds with its first pod, and a job that runs at night.
  if (kind === 'PersistentVolumeClaim' || kind === 'CronJob') return { 'pulumi.com/skipAwait': 'true' };
  const seconds = { StatefulSet: 600, Deployment: 600, Service: 300 }[kind];
  return seconds ? { 'pulumi.com/timeoutSeconds': String(seconds) } : {};
}

/** What holds data is never deleted, nor replaced by a change, in production. */
export function lifecycle({ kind }: Manifest, { environment }: Settings): pulumi.CustomResourceOptions {
  const holdsData = ['Namespace', 'StatefulSet', 'PersistentVolumeClaim'].includes(kind);
  return {
    ...(environment === 'prod' && holdsData ? { protect: true } : {}),
    // It cannot change: a set made before the policy was Parallel keeps its own, instead of being replaced with its data.
    ...(kind === 'StatefulSet' ? { ignoreChanges: ['spec.podManagementPolicy'] } : {}),
    // An autoscaler owns the replicas: they are not part of our manifest at all, so there is nothing to ignore.
    customTimeouts: { create: '15m', update: '15m', delete: '10m' },
  };
}

/** Where resources belong: nothing for the program of this repository, whose names are frozen; a parent for an import. */
export interface Scope {
  /** Begins the name of every resource, so that two stacks fit in one program. */
  readonly prefix: string;
  readonly parent?: pulumi.Resource;
}
