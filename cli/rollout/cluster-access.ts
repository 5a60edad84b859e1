import { stringify } from 'yaml';
import { markers, objects } from '../../infra/render/objects.ts';
import { environments, loadSettings } from '../../infra/settings/index.ts';

/** Returns docs/generated/cluster-access.yaml: the rights of a roll-out's jobs in a cluster, from the program's objects. */
export function clusterAccessFile(): Record<string, string> {
  const made = environments.flatMap((environment) => objects(loadSettings(environment), markers));
  const { deployer, reader } = clusterAccess(made.map(({ object }) => object as Made));
  const head = '# Written by npm run generate; docs/delivery.md explains its use.\n';
  return {
    'docs/generated/cluster-access.yaml': `${head}${[deployer, reader].map((one) => stringify(one)).join('---\n')}`,
  };
}

/** The parts of a Kubernetes object that are read. */
export interface Made {
  readonly apiVersion: string;
  readonly kind: string;
  /** Of a Role or ClusterRole. */
  readonly rules?: readonly Rule[];
  /** Of a RoleBinding or ClusterRoleBinding. */
  readonly roleRef?: { readonly apiGroup: string; readonly kind: string; readonly name: string };
}

/** A rule of a Role or ClusterRole. */
export interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

/** A ClusterRole. */
export interface ClusterRole {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'ClusterRole';
  readonly metadata: { readonly name: string };
  readonly rules: readonly Rule[];
}

const read = ['get', 'list', 'watch'];
const change = ['create', 'delete', 'patch', 'update'];

/** What is looked at besides what is made. */
const lookedAt: readonly Rule[] = [
  // Pulumi waits by them until what it made is ready, and says by them why it is not.
  { apiGroups: [''], resources: ['pods', 'endpoints', 'events'], verbs: read },
  { apiGroups: ['apps'], resources: ['replicasets'], verbs: read },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: read },
  // What a cluster must have: infra/prerequisites.ts.
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: read },
  { apiGroups: ['apiregistration.k8s.io'], resources: ['apiservices'], verbs: read },
  { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: read },
  { apiGroups: ['cert-manager.io'], resources: ['clusterissuers', 'issuers'], verbs: read },
  // The gates reach metrics and Prometheus by kubectl port-forward, which asks by GET over WebSocket, else by POST.
  { apiGroups: [''], resources: ['pods/portforward'], verbs: ['create', 'get'] },
];

/** Whether the cluster answers, and what it knows; who has signed in may ask that anyway, unless the cluster is hardened. */
const discovery: Rule = {
  nonResourceURLs: ['/readyz', '/version', '/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'],
  verbs: ['get'],
};

/**
 * The deployer, who brings environments up and runs their gates, and the reader, who compares what runs with the program and
 * runs gates. To make a Role one must hold what it grants, so the deployer holds exactly that, too, and no "escalate". To bind a
 * Role that is not there yet, as a preview does, one needs "bind": for the Roles of these names alone.
 * @param made every object of every environment
 */
export function clusterAccess(made: readonly Made[]): { deployer: ClusterRole; reader: ClusterRole } {
  const own = (verbs: readonly string[]) => made.map((object) => ({ ...resourceOf(object), verbs }));
  const granted = made.flatMap(({ rules = [] }) => rules);
  return {
    deployer: role(
      'simple378-deployer',
      [...own([...read, ...change]), ...lookedAt, ...granted],
      bound(made),
    ),
    reader: role('simple378-reader', [...own(read), ...lookedAt]),
  };
}

/** Binding exactly the Roles that are bound. */
function bound(made: readonly Made[]): Rule[] {
  const names = new Map<string, Set<string>>();
  for (const { roleRef } of made) {
    if (roleRef === undefined) continue;
    names.set(roleRef.kind, (names.get(roleRef.kind) ?? new Set()).add(roleRef.name));
  }
  return [...names].sort().map(([kind, all]) => ({
    ...resourceOf({ apiVersion: 'rbac.authorization.k8s.io/v1', kind }),
    resourceNames: [...all].sort(),
    verbs: ['bind'],
  }));
}

function role(name: string, rules: readonly Rule[], named: readonly Rule[] = []): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules: [...compact(rules), ...named, discovery],
  };
}

/** The API group and the resource of an object: kinds are plural there, as English has it. */
export function resourceOf({ apiVersion, kind }: Made): { apiGroups: [string]; resources: [string] } {
  const [group] = apiVersion.includes('/') ? apiVersion.split('/') : [''];
  const singular = kind.toLowerCase();
  const plural = singular.endsWith('s')
    ? `${singular}es`
    : /[^aeiou]y$/.test(singular)
      ? `${singular.slice(0, -1)}ies`
      : `${singular}s`;
  return { apiGroups: [group as string], resources: [plural] };
}

/** The same rights in few rules, in order: those of one API group with the same verbs are one. */
function compact(rules: readonly Rule[]): Rule[] {
  const verbs = new Map<string, Set<string>>();
  for (const { apiGroups = [], resources = [], verbs: more } of rules)
    for (const group of apiGroups)
      for (const resource of resources) {
        const key = `${group} ${resource}`;
        verbs.set(key, new Set([...(verbs.get(key) ?? []), ...more]));
      }
  const merged = new Map<string, { apiGroups: string[]; resources: string[]; verbs: string[] }>();
  for (const key of [...verbs.keys()].sort()) {
    const [group = '', resource = ''] = key.split(' ');
    const sorted = [...(verbs.get(key) ?? [])].sort();
    const same = `${group} ${sorted}`;
    const rule = merged.get(same) ?? { apiGroups: [group], resources: [], verbs: sorted };
    merged.set(same, { ...rule, resources: [...rule.resources, resource] });
  }
  return [...merged.values()];
}
