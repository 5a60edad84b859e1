import type { Labels, Selector } from '../engine/kubernetes.ts';
import {
  containers,
  isKind,
  isService,
  isWorkload,
  longRunning,
  manifest,
  podTemplate,
  selects,
  spec,
} from '../engine/kubernetes.ts';
import { mandatoryInProd, names, resourceRule } from '../engine/rule.ts';

/** Images, resources and the life of a workload. */

export const workloadRules = [
  resourceRule({
    name: 'image-pinned-by-digest',
    control: 'IMG-1',
    title: 'Every image is named by its digest',
    why: 'A tag can be moved: what was scanned and tried is not what the node pulls next week.',
    severity: 'high',
    remediation: 'Write the image as name:tag@sha256:digest; infra/settings/images.ts holds them.',
    references: ['CKV_K8S_43', 'C-0078', 'ASVS 15.2.4', 'SLSA'],
    levels: { local: 'advisory', dev: 'advisory' },
    applies: isWorkload,
    *check(resource) {
      for (const { name, image = '' } of containers(resource))
        if (!/@sha256:[0-9a-f]{64}$/.test(image))
          yield `container ${name}: ${image || 'no image'} has no digest`;
    },
  }),
  resourceRule({
    name: 'image-tag-fixed',
    control: 'IMG-1',
    title: 'Every image has a tag, and it is not latest',
    why: 'Nobody can say what runs, or go back to it.',
    severity: 'medium',
    remediation: 'Give the image a version tag.',
    references: ['CKV_K8S_14', 'polaris tagNotSpecified'],
    applies: isWorkload,
    *check(resource) {
      for (const { name, image = '' } of containers(resource)) {
        const tag = /:([\w][\w.-]*)(@|$)/.exec(image.slice(image.lastIndexOf('/') + 1))?.[1];
        if (!tag || tag === 'latest') yield `container ${name}: ${image || 'no image'} has no fixed tag`;
      }
    },
  }),
  resourceRule({
    name: 'image-registry-allowed',
    control: 'IMG-1',
    title: 'Every image comes from an agreed registry',
    why: 'Anything else is code that nobody looked at.',
    severity: 'high',
    remediation: 'Use an image from one of the registries, or add its registry to the setting registries.',
    references: ['C-0078', 'NSA', 'ASVS 15.2.4'],
    config: {
      properties: {
        registries: names('Prefixes that an image name may start with', [
          'docker.io/library/',
          'docker.io/grafana/',
          'docker.io/oliver006/',
          'docker.io/otel/',
          'docker.io/jaegertracing/',
          'quay.io/prometheus/',
          'quay.io/jetstack/',
          'gcr.io/distroless/',
          // The placeholder of the settings: replace it by your registry, here and there.
          'registry.example/simple378/',
          'localhost/',
        ]),
      },
    },
    applies: isWorkload,
    *check(resource, config) {
      const registries = config.registries as readonly string[];
      for (const { name, image = '' } of containers(resource))
        if (!registries.some((prefix) => image.startsWith(prefix)))
          yield `container ${name}: ${image || 'no image'} is from no agreed registry`;
    },
  }),
  resourceRule({
    name: 'container-resources',
    control: 'POD-4',
    title: 'Every container states what it needs and what it may take',
    why: 'Without limits one container starves or fills its node; without requests the scheduler guesses.',
    severity: 'medium',
    remediation: 'Set requests and limits for memory and ephemeral-storage, and a request for cpu.',
    references: ['CKV_K8S_10', 'CKV_K8S_12', 'CKV_K8S_13', 'C-0270', 'C-0271', 'API4'],
    applies: isWorkload,
    *check(resource) {
      for (const { name, resources = {} } of containers(resource)) {
        const missing = [
          ...['cpu', 'memory', 'ephemeral-storage']
            .filter(lacks(resources.requests))
            .map((of) => `requests.${of}`),
          ...['memory', 'ephemeral-storage'].filter(lacks(resources.limits)).map((of) => `limits.${of}`),
        ];
        if (missing.length > 0) yield `container ${name}: no ${missing.join(', ')}`;
      }
    },
  }),
  resourceRule({
    name: 'container-probes',
    control: 'POD-5',
    title:
      'Every container with a port is probed for life and for readiness; the service by different questions',
    why: 'One probe for both restarts a pod that only waits, or sends traffic to one that cannot answer.',
    severity: 'medium',
    remediation: 'Set livenessProbe and readinessProbe; readiness must not be the liveness question again.',
    references: ['CKV_K8S_8', 'CKV_K8S_9', 'C-0056', 'C-0018', 'kube-score pod-probes-identical'],
    applies: isService,
    *check(resource) {
      // What takes no traffic, as a sidecar that reloads files, ends when it fails and needs no probe.
      for (const container of longRunning(resource).filter(({ ports = [] }) => ports.length > 0)) {
        const { name, livenessProbe, readinessProbe } = container;
        if (!livenessProbe) yield `container ${name}: no livenessProbe`;
        if (!readinessProbe) yield `container ${name}: no readinessProbe`;
        const path = livenessProbe?.httpGet?.path;
        // Others have one question to ask; ours has two.
        if (isCaseService(container) && path !== undefined && path === readinessProbe?.httpGet?.path)
          yield `container ${name}: liveness and readiness both ask ${path}`;
      }
    },
  }),
  resourceRule({
    name: 'pod-drains-before-end',
    control: 'POD-5',
    title: 'A pod behind a route waits before it stops, and is given the time to drain',
    why: 'Endpoints are withdrawn after SIGTERM is sent: without the wait the last requests are refused.',
    severity: 'medium',
    remediation:
      'Set lifecycle.preStop.sleep, and terminationGracePeriodSeconds above sleep + DRAIN_SECONDS + SHUTDOWN_SECONDS.',
    references: ['kubernetes/kubernetes#43576', 'KEP-3960'],
    applies: (resource) => isKind(resource, 'Deployment') && runsCaseService(resource),
    *check(resource) {
      const pod = podTemplate(resource).spec ?? {};
      const grace = pod.terminationGracePeriodSeconds ?? 30;
      for (const container of (pod.containers ?? []).filter(isCaseService)) {
        const sleep = container.lifecycle?.preStop?.sleep?.seconds;
        if (!sleep) yield `container ${container.name}: no preStop sleep`;
        const drain = seconds(container, 'DRAIN_SECONDS', 5) + seconds(container, 'SHUTDOWN_SECONDS', 20);
        const needed = (sleep ?? 0) + drain;
        if (grace <= needed)
          yield `terminationGracePeriodSeconds is ${grace}, the drain takes up to ${needed}`;
      }
    },
  }),
  resourceRule({
    name: 'workload-selector-matches',
    control: 'POD-5',
    title: 'A workload selects the pods it makes',
    why: 'The API server refuses it, or the controller makes pods without end.',
    severity: 'medium',
    remediation: 'Make selector.matchLabels a part of template.metadata.labels.',
    references: ['kube-linter mismatching-selector'],
    applies: isService,
    *check(resource) {
      const { selector } = spec<{ selector?: Selector }>(resource);
      const empty = Object.keys(selector?.matchLabels ?? {}).length === 0;
      if (empty || !selects(selector, podTemplate(resource).metadata?.labels))
        yield 'its selector does not match the labels of its own pods';
    },
  }),
  resourceRule({
    name: 'recommended-labels',
    control: 'NET-2',
    title: 'Every object says what it is a part of, and who manages it',
    why: 'Network policies, budgets and people find objects by these labels.',
    severity: 'low',
    remediation: 'Set app.kubernetes.io/name, /part-of and /managed-by.',
    references: ['Kubernetes recommended labels'],
    applies: (resource) => isWorkload(resource) || isKind(resource, 'Service', 'ConfigMap', 'Secret'),
    *check(resource) {
      const labels = manifest(resource).metadata?.labels ?? {};
      const missing = ['name', 'part-of', 'managed-by'].filter((key) => !labels[`app.kubernetes.io/${key}`]);
      if (missing.length > 0) yield `no label ${missing.map((key) => `app.kubernetes.io/${key}`).join(', ')}`;
    },
  }),
  resourceRule({
    name: 'job-bounded',
    control: 'POD-4',
    title: 'Jobs end, do not overlap, and keep few of their past runs',
    why: 'A backup that hangs piles up until the node or the quota is full.',
    severity: 'low',
    remediation: 'Set activeDeadlineSeconds and backoffLimit; for a CronJob concurrencyPolicy: Forbid too.',
    references: ['API4', 'kube-score cronjob-has-deadline'],
    applies: (resource) => isKind(resource, 'Job', 'CronJob'),
    *check(resource) {
      const cron = spec<{ concurrencyPolicy?: string; jobTemplate?: { spec?: JobSpec } }>(resource);
      const job = isKind(resource, 'CronJob') ? (cron.jobTemplate?.spec ?? {}) : spec<JobSpec>(resource);
      if (!job.activeDeadlineSeconds) yield 'no activeDeadlineSeconds';
      if (job.backoffLimit === undefined) yield 'no backoffLimit';
      if (isKind(resource, 'CronJob') && cron.concurrencyPolicy !== 'Forbid')
        yield `concurrencyPolicy is ${cron.concurrencyPolicy ?? 'not set'}`;
    },
  }),
  resourceRule({
    name: 'pod-topology-spread',
    control: 'POD-5',
    title: 'Replicas are spread over nodes',
    why: 'One node takes all replicas with it.',
    severity: 'medium',
    remediation: 'Set topologySpreadConstraints over kubernetes.io/hostname with the pods’ own labels.',
    references: ['kube-score pod-topology-spread-constraints', 'kube-linter no-anti-affinity'],
    levels: mandatoryInProd,
    applies: (resource) => isKind(resource, 'Deployment', 'StatefulSet'),
    *check(resource) {
      const replicas = spec<{ replicas?: number }>(resource).replicas;
      if (replicas === 1) return;
      const { metadata, spec: pod } = podTemplate(resource);
      const spread = pod?.topologySpreadConstraints ?? [];
      if (!spread.some(({ labelSelector }) => labelSelector && selects(labelSelector, metadata?.labels)))
        yield 'no topologySpreadConstraints that select its own pods';
    },
  }),
] as const;

interface JobSpec {
  readonly activeDeadlineSeconds?: number;
  readonly backoffLimit?: number;
}

const lacks =
  (quantities: Labels | undefined) =>
  (name: string): boolean =>
    quantities?.[name] === undefined;

/** The case service is known by a setting that nothing else has but the other role of its image. */
export function isCaseService({ env = [], args = [] }: Runs): boolean {
  return env.some(({ name }) => name === 'TOKEN_ISSUER') && !args.includes('limit-gateway');
}

interface Runs {
  readonly env?: readonly { readonly name?: string }[];
  readonly args?: readonly string[];
}

/** Whether an object's pods run the case service. */
export function runsCaseService(resource: Parameters<typeof containers>[0]): boolean {
  return containers(resource).some(isCaseService);
}

function seconds(
  container: { readonly env?: readonly { readonly name?: string; readonly value?: string }[] },
  name: string,
  otherwise: number,
): number {
  return Number(container.env?.find((variable) => variable.name === name)?.value ?? otherwise);
}
