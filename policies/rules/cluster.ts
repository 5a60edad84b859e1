import {
  isKind,
  isWorkload,
  kubernetesKind,
  manifest,
  namespaceOf,
  objectName,
  spec,
} from '../engine/kubernetes.ts';
import type { Resource } from '../engine/rule.ts';
import { flag, mandatoryInProd, names, resourceRule, stackRule } from '../engine/rule.ts';

/** Namespaces, rights in the cluster, and storage. */

interface RoleRule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs?: readonly string[];
}
interface Binding {
  readonly roleRef?: { readonly kind?: string; readonly name?: string };
  readonly subjects?: readonly { readonly kind?: string; readonly name?: string }[];
}

const isRole = (resource: Resource): boolean => isKind(resource, 'Role', 'ClusterRole');
const roleRules = (resource: Resource): readonly RoleRule[] =>
  (resource.props as { rules?: readonly RoleRule[] }).rules ?? [];

export const clusterRules = [
  resourceRule({
    name: 'namespace-pod-security',
    control: 'POD-1',
    title: 'Every namespace enforces the Pod Security Standard restricted, of a fixed version',
    why: 'The policy pack sees what Pulumi makes; admission sees what anybody makes.',
    severity: 'high',
    remediation:
      'Label it pod-security.kubernetes.io/enforce: restricted, audit, warn, and enforce-version: v1.NN.',
    references: ['CIS 5.2.1', 'C-0192', 'C-0212', 'PSS restricted'],
    applies: (resource) => isKind(resource, 'Namespace'),
    *check(resource) {
      const labels = manifest(resource).metadata?.labels ?? {};
      for (const mode of ['enforce', 'audit', 'warn']) {
        const level = labels[`pod-security.kubernetes.io/${mode}`];
        if (level !== 'restricted') yield `${mode} is ${level ?? 'not set'}`;
      }
      const version = labels['pod-security.kubernetes.io/enforce-version'] ?? '';
      if (!/^v1\.\d+$/.test(version)) yield `enforce-version is ${version || 'not set'}`;
    },
  }),
  stackRule({
    name: 'namespace-bounded',
    control: 'POD-4',
    title: 'Every namespace with pods has a quota and default limits',
    why: 'One runaway workload takes the cluster.',
    severity: 'medium',
    remediation:
      'Add a ResourceQuota and a LimitRange to the namespace; cluster.quota.enabled: false says that others keep them.',
    references: ['API4', 'CIS 5.7.1', 'NSA'],
    config: { properties: { elsewhere: flag('Whether the namespace has them from somebody else', false) } },
    *check(resources, config) {
      if (config.elsewhere) return;
      for (const namespace of new Set(resources.filter(isWorkload).map(namespaceOf)))
        for (const kind of ['ResourceQuota', 'LimitRange'])
          if (!resources.some((one) => isKind(one, kind) && namespaceOf(one) === namespace))
            yield { message: `namespace ${namespace} has no ${kind}` };
    },
  }),
  resourceRule({
    name: 'object-in-own-namespace',
    control: 'POD-4',
    title: 'Objects live in a namespace of their own, never in default or kube-system',
    why: 'Policies and rights of a shared namespace are everybody’s.',
    severity: 'medium',
    remediation: 'Set metadata.namespace.',
    references: ['CKV_K8S_21', 'CIS 5.7.4', 'C-0212', 'C-0061'],
    applies: (resource) => kubernetesKind(resource) !== null && !clusterWide.test(resource.type),
    *check(resource) {
      const namespace = namespaceOf(resource);
      if (['default', 'kube-system', 'kube-public'].includes(namespace)) yield `is in namespace ${namespace}`;
    },
  }),
  resourceRule({
    name: 'rbac-no-wildcards',
    control: 'POD-3',
    title: 'Roles name their groups, resources and verbs',
    why: 'A wildcard also grants what is installed next year.',
    severity: 'high',
    remediation: 'List what the program uses.',
    references: ['CKV_K8S_49', 'CIS 5.1.3', 'C-0187', 'NSA'],
    applies: isRole,
    *check(resource) {
      for (const { apiGroups = [], resources = [], verbs = [] } of roleRules(resource))
        if ([...apiGroups, ...resources, ...verbs].includes('*')) yield 'a rule holds *';
    },
  }),
  resourceRule({
    name: 'rbac-no-escalation',
    control: 'POD-3',
    title: 'Roles grant nothing that leads to more rights',
    why: 'Who may exec, impersonate, bind or create pods has the rights of every account there.',
    severity: 'critical',
    remediation: 'Remove escalate, bind, impersonate, pods/exec, serviceaccounts/token and writes on pods.',
    references: ['CKV_K8S_155', 'CKV_K8S_157', 'CKV_K8S_158', 'CIS 5.1.4', 'CIS 5.1.8', 'C-0035', 'C-0186'],
    applies: isRole,
    *check(resource) {
      for (const { resources = [], verbs = [] } of roleRules(resource)) {
        const verb = verbs.find((one) => ['escalate', 'bind', 'impersonate'].includes(one));
        if (verb) yield `grants ${verb}`;
        const writes = verbs.some((one) => ['create', 'update', 'patch', 'delete'].includes(one));
        const target = resources.find((one) => dangerous.has(one));
        if (target && writes) yield `grants writes on ${target}`;
      }
    },
  }),
  resourceRule({
    name: 'rbac-secrets-named',
    control: 'POD-3',
    title: 'Only the Gateway controller reads Secrets',
    why: 'Whoever lists Secrets has all of them.',
    severity: 'high',
    remediation: 'Mount the Secret, or name it in resourceNames.',
    references: ['CIS 5.1.2', 'C-0186', 'kube-linter access-to-secrets'],
    config: { properties: { readers: names('Roles that may read Secrets', ['edge']) } },
    applies: isRole,
    *check(resource, config) {
      const allowed = (config.readers as readonly string[]).includes(objectName(resource));
      for (const rule of roleRules(resource)) {
        const named = (rule as { resourceNames?: readonly string[] }).resourceNames ?? [];
        if (rule.resources?.includes('secrets') && named.length === 0 && !allowed) yield 'reads every Secret';
      }
    },
  }),
  resourceRule({
    name: 'rbac-no-broad-binding',
    control: 'POD-3',
    title: 'No binding gives cluster-admin, or anything to everybody',
    why: 'system:authenticated is every account, system:anonymous is everyone.',
    severity: 'critical',
    remediation: 'Bind a narrow role to one service account.',
    references: ['CIS 5.1.1', 'C-0035', 'kube-linter cluster-admin-role-binding', 'NSA'],
    applies: (resource) => isKind(resource, 'RoleBinding', 'ClusterRoleBinding'),
    *check(resource) {
      const { roleRef, subjects = [] } = resource.props as Binding;
      if (['cluster-admin', 'admin', 'edit'].includes(roleRef?.name ?? '')) yield `binds ${roleRef?.name}`;
      for (const { kind, name = '' } of subjects)
        if (kind === 'Group' || name === 'system:anonymous' || name === 'default')
          yield `binds ${kind} ${name}`;
    },
  }),
  resourceRule({
    name: 'storage-encrypted',
    control: 'RST-1',
    title: 'What holds data is on an encrypted storage class',
    why: 'Redis encrypts nothing at rest; a disk or snapshot that leaves the cluster is readable.',
    severity: 'high',
    remediation:
      'Name an encrypted class in storage.className and say storage.encrypted: true, or add it to storage.encryptedClasses.',
    references: ['ASVS 11.3.2', 'ASVS 14.2.4', 'C-0264'],
    levels: mandatoryInProd,
    config: { properties: { classes: names('Storage classes that encrypt', ['encrypted']) } },
    applies: (resource) => isKind(resource, 'PersistentVolumeClaim', 'StatefulSet'),
    *check(resource, config) {
      const allowed = config.classes as readonly string[];
      const claims = isKind(resource, 'StatefulSet')
        ? (spec<{ volumeClaimTemplates?: readonly { spec?: Claim }[] }>(resource).volumeClaimTemplates ?? [])
        : [{ spec: spec<Claim>(resource) }];
      for (const { spec: claim = {} } of claims)
        if (!allowed.includes(claim.storageClassName ?? ''))
          yield `storageClassName is ${claim.storageClassName ?? 'not set'}`;
    },
  }),
  resourceRule({
    name: 'storage-class-encrypts',
    control: 'RST-1',
    title: 'A storage class made here encrypts and keeps what is released',
    why: 'The name says encrypted; the parameters must too.',
    severity: 'high',
    remediation: 'Set parameters.encrypted: "true" (or the driver’s own) and reclaimPolicy: Retain.',
    references: ['ASVS 11.3.2', 'C-0264'],
    applies: (resource) => isKind(resource, 'StorageClass'),
    *check(resource) {
      const { parameters = {}, reclaimPolicy } = resource.props as {
        parameters?: Record<string, string>;
        reclaimPolicy?: string;
      };
      const encrypts = Object.entries(parameters).some(
        ([key, value]) => /encrypt/i.test(key) && value !== 'false' && value !== '',
      );
      if (!encrypts) yield 'its parameters do not ask for encryption';
      if (reclaimPolicy !== 'Retain') yield `reclaimPolicy is ${reclaimPolicy ?? 'Delete'}`;
    },
  }),
  resourceRule({
    name: 'data-protected',
    control: 'RED-2',
    title: 'Pulumi refuses to delete what holds data in production',
    why: 'A renamed resource is deleted and made anew, and its data with it.',
    severity: 'high',
    remediation: 'Register it with {protect: true}.',
    references: ['ASVS 14.2.4', 'Pulumi protect'],
    levels: mandatoryInProd,
    readsOptions: true,
    applies: (resource) => isKind(resource, 'StatefulSet', 'PersistentVolumeClaim'),
    *check(resource) {
      if (resource.opts?.protect !== true) yield 'is not protected';
    },
  }),
] as const;

interface Claim {
  readonly storageClassName?: string;
}

const clusterWide =
  /:(Namespace|ClusterRole|ClusterRoleBinding|StorageClass|CustomResourceDefinition|PriorityClass|GatewayClass|IngressClass|PersistentVolume|ValidatingAdmissionPolicy\w*)$/;

const dangerous: ReadonlySet<string> = new Set([
  'pods',
  'pods/exec',
  'pods/attach',
  'pods/ephemeralcontainers',
  'serviceaccounts/token',
  'nodes/proxy',
  'roles',
  'rolebindings',
  'clusterroles',
  'clusterrolebindings',
  'deployments',
  'daemonsets',
  'statefulsets',
]);
