import type { Container } from '../engine/kubernetes.ts';
import { containers, isKind, isWorkload, podTemplate } from '../engine/kubernetes.ts';
import type { Resource } from '../engine/rule.ts';
import { flag, names, resourceRule } from '../engine/rule.ts';

/** Pod Security Standard `restricted`, and what it leaves out: what a process in a pod may do to its node. */

const pss = 'PSS restricted';

/** One message per container that fails a test. */
function* each(
  resource: Resource,
  fails: (container: Container) => string | false | undefined,
): Generator<string> {
  for (const container of containers(resource)) {
    const problem = fails(container);
    if (problem) yield `container ${container.name ?? '?'}: ${problem}`;
  }
}

export const podRules = [
  resourceRule({
    name: 'pod-runs-as-non-root',
    control: 'POD-1',
    title: 'Every container runs as a numbered user that is not root',
    why: 'Root in a container is root on the node once anything else gives way.',
    severity: 'high',
    remediation:
      'Set runAsNonRoot: true and runAsUser to a number above 0 in the pod security context; cluster.platform: openshift leaves the number to the namespace.',
    references: [pss, 'CKV_K8S_23', 'CKV_K8S_40', 'CIS 5.2.7', 'C-0013', 'NSA'],
    config: {
      properties: { idsOfNamespace: flag('Whether the namespace gives pods their user ids', false) },
    },
    applies: isWorkload,
    *check(resource, config) {
      const pod = podTemplate(resource).spec?.securityContext ?? {};
      yield* each(resource, ({ securityContext: own = {} }) => {
        if ((own.runAsNonRoot ?? pod.runAsNonRoot) !== true) return 'runAsNonRoot is not true';
        const user = own.runAsUser ?? pod.runAsUser;
        if (config.idsOfNamespace && user === undefined) return false;
        return !(typeof user === 'number' && user > 0) && `runAsUser is ${user ?? 'not set'}`;
      });
    },
  }),
  resourceRule({
    name: 'container-no-privilege-escalation',
    control: 'POD-1',
    title: 'No container is privileged or can gain privileges',
    why: 'A set-uid binary or a privileged container turns a bug in the service into control of the node.',
    severity: 'critical',
    remediation: 'Set allowPrivilegeEscalation: false and leave privileged out.',
    references: [pss, 'CKV_K8S_20', 'CKV_K8S_16', 'CIS 5.2.2', 'CIS 5.2.6', 'C-0016', 'C-0057', 'NSA'],
    applies: isWorkload,
    *check(resource) {
      yield* each(resource, ({ securityContext: own = {} }) => {
        if (own.privileged) return 'is privileged';
        return own.allowPrivilegeEscalation !== false && 'allowPrivilegeEscalation is not false';
      });
    },
  }),
  resourceRule({
    name: 'container-drops-capabilities',
    control: 'POD-1',
    title: 'Every container drops all capabilities and adds none',
    why: 'NET_RAW alone, which is on by default, lets a pod spoof its neighbours.',
    severity: 'high',
    remediation: 'Set capabilities: {drop: [ALL]}; ports above 1024 need no capability.',
    references: [pss, 'CKV_K8S_28', 'CKV_K8S_37', 'CIS 5.2.8', 'CIS 5.2.9', 'C-0046', 'NSA'],
    applies: isWorkload,
    *check(resource) {
      yield* each(resource, ({ securityContext: own = {} }) => {
        if (!own.capabilities?.drop?.includes('ALL')) return 'does not drop ALL capabilities';
        const added = own.capabilities.add ?? [];
        return added.length > 0 && `adds ${added.join(', ')}`;
      });
    },
  }),
  resourceRule({
    name: 'pod-seccomp-profile',
    control: 'POD-1',
    title: "Every pod runs under the runtime's seccomp profile",
    why: 'Without a profile every system call of the kernel is within reach.',
    severity: 'medium',
    remediation: 'Set seccompProfile: {type: RuntimeDefault} in the pod security context.',
    references: [pss, 'CKV_K8S_31', 'CIS 5.7.2', 'C-0055', 'NSA'],
    applies: isWorkload,
    *check(resource) {
      const pod = podTemplate(resource).spec?.securityContext?.seccompProfile?.type;
      yield* each(resource, ({ securityContext: own = {} }) => {
        const type = own.seccompProfile?.type ?? pod;
        return type !== 'RuntimeDefault' && type !== 'Localhost' && `seccompProfile is ${type ?? 'not set'}`;
      });
    },
  }),
  resourceRule({
    name: 'container-read-only-root',
    control: 'POD-1',
    title: 'Every container has a read-only root file system',
    why: 'What cannot be written cannot be replaced: an intruder finds no place for tools.',
    severity: 'medium',
    remediation: 'Set readOnlyRootFilesystem: true and mount an emptyDir where the program writes.',
    references: ['CKV_K8S_22', 'C-0017', 'NSA'],
    applies: isWorkload,
    *check(resource) {
      yield* each(
        resource,
        ({ securityContext: own = {} }) =>
          own.readOnlyRootFilesystem !== true && 'readOnlyRootFilesystem is not true',
      );
    },
  }),
  resourceRule({
    name: 'pod-no-host-access',
    control: 'POD-2',
    title: 'No pod shares the network, processes, ports or files of its node',
    why: 'Host access passes by network policies and by every other boundary of the pod.',
    severity: 'critical',
    remediation: 'Remove hostNetwork, hostPID, hostIPC, hostPort, hostPath, procMount and sysctls.',
    references: [pss, 'CKV_K8S_17', 'CKV_K8S_19', 'CKV_K8S_26', 'CIS 5.2.3', 'CIS 5.2.12', 'C-0048', 'NSA'],
    applies: isWorkload,
    *check(resource) {
      const pod = podTemplate(resource).spec ?? {};
      for (const shared of ['hostNetwork', 'hostPID', 'hostIPC'] as const)
        if (pod[shared]) yield `${shared} is set`;
      if ((pod.securityContext?.sysctls ?? []).length > 0) yield 'sets sysctls';
      yield* each(resource, (container) => {
        if (container.ports?.some(({ hostPort }) => hostPort !== undefined)) return 'binds a hostPort';
        const mount = container.securityContext?.procMount;
        return mount !== undefined && mount !== 'Default' && `procMount is ${mount}`;
      });
    },
  }),
  resourceRule({
    name: 'pod-volume-kinds',
    control: 'POD-2',
    title: 'Pods mount only volumes that carry no access to the node',
    why: 'A hostPath or an in-tree driver reaches files of the node or storage past the cluster’s control.',
    severity: 'high',
    remediation: 'Use configMap, secret, emptyDir, projected, downwardAPI, csi, ephemeral or a claim.',
    references: [pss, 'CIS 5.2.12', 'C-0048', 'C-0045', 'NSA'],
    applies: isWorkload,
    *check(resource) {
      for (const { name, ...source } of podTemplate(resource).spec?.volumes ?? [])
        for (const kind of Object.keys(source))
          if (!volumeKinds.has(kind)) yield `volume ${name ?? '?'} is a ${kind}`;
    },
  }),
  resourceRule({
    name: 'pod-no-probe-host',
    control: 'POD-2',
    title: 'Probes and lifecycle hooks name no host',
    why: 'The kubelet would send requests from the node to whatever address the pod names.',
    severity: 'medium',
    remediation: 'Leave host out of httpGet and tcpSocket: the pod itself is meant.',
    references: [pss, 'PSS hostProbesAndhostLifecycle'],
    applies: isWorkload,
    *check(resource) {
      yield* each(resource, (container) => {
        const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
        const handlers = [
          livenessProbe,
          readinessProbe,
          startupProbe,
          lifecycle?.preStop,
          lifecycle?.postStart,
        ];
        const host = handlers.find((handler) => handler?.httpGet?.host ?? handler?.tcpSocket?.host);
        return host !== undefined && 'a probe or hook names a host';
      });
    },
  }),
  resourceRule({
    name: 'pod-own-service-account',
    control: 'POD-3',
    title: 'Every pod has a service account of its own',
    why: 'Rights given to the default account reach every pod of the namespace.',
    severity: 'medium',
    remediation: 'Create a ServiceAccount and name it in serviceAccountName.',
    references: ['CKV_K8S_41', 'CIS 5.1.5', 'C-0189'],
    applies: isWorkload,
    *check(resource) {
      const account = podTemplate(resource).spec?.serviceAccountName;
      if (!account || account === 'default') yield `serviceAccountName is ${account ?? 'not set'}`;
    },
  }),
  resourceRule({
    name: 'pod-no-api-token',
    control: 'POD-3',
    title: 'No pod holds a token of the Kubernetes API that it does not need',
    why: 'A stolen token speaks to the API server with the rights of its account.',
    severity: 'high',
    remediation: 'Set automountServiceAccountToken: false, or name the workload in apiClients with a reason.',
    references: ['CKV_K8S_38', 'CIS 5.1.6', 'C-0034', 'C-0190', 'NSA'],
    config: {
      properties: {
        apiClients: names('Workloads that watch the Kubernetes API, as the Gateway controller does', [
          'edge',
        ]),
      },
    },
    applies: isWorkload,
    *check(resource, config) {
      const allowed = config.apiClients as readonly string[];
      const name = (resource.props as { metadata?: { name?: string } }).metadata?.name ?? resource.name;
      if (allowed.includes(name)) return;
      if (podTemplate(resource).spec?.automountServiceAccountToken !== false)
        yield 'automountServiceAccountToken is not false';
    },
  }),
  resourceRule({
    name: 'no-bare-pod',
    control: 'POD-5',
    title: 'Pods belong to a workload that replaces them',
    why: 'A bare pod is gone with its node.',
    severity: 'low',
    remediation: 'Use a Deployment, StatefulSet or Job.',
    references: ['polaris', 'C-0073'],
    applies: (resource) => isKind(resource, 'Pod'),
    *check() {
      yield 'is a pod that no workload owns';
    },
  }),
] as const;

const volumeKinds: ReadonlySet<string> = new Set([
  'configMap',
  'secret',
  'emptyDir',
  'projected',
  'downwardAPI',
  'csi',
  'ephemeral',
  'persistentVolumeClaim',
]);
