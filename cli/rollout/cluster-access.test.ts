import { readFileSync } from 'node:fs';
import { matchesGlob } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { prerequisites } from '../../infra/prerequisites.ts';
import { markers, objects } from '../../infra/render/objects.ts';
import { environments, loadSettings } from '../../infra/settings/index.ts';
import { type ClusterRole, type Made, type Rule, resourceOf } from './cluster-access.ts';

// As it is committed, and as somebody applies it.
const file = readFileSync(new URL('../../docs/generated/cluster-access.yaml', import.meta.url), 'utf8');
const [deployer, reader] = parseAllDocuments(file).map((document) => document.toJS() as ClusterRole) as [
  ClusterRole,
  ClusterRole,
];
const settings = environments.map((environment) => loadSettings(environment));
const made = settings.flatMap((one) => objects(one, markers).map(({ object }) => object as Made));

const read = ['get', 'list', 'watch'];
const change = ['create', 'delete', 'patch', 'update'];

/** What of some rights a role does not hold, as the API server tells when it judges a new Role. */
function lacks({ rules }: ClusterRole, wanted: Rule): string[] {
  const { apiGroups = [], resources = [], verbs } = wanted;
  const all = apiGroups.flatMap((group) =>
    resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
  );
  return all
    .filter(
      ({ group, resource, verb }) =>
        !rules.some(
          (rule) =>
            rule.resourceNames === undefined &&
            rule.apiGroups?.includes(group) &&
            rule.resources?.includes(resource) &&
            rule.verbs.includes(verb),
        ),
    )
    .map(({ group, resource, verb }) => `${verb} ${resource}.${group}`);
}

test('kinds have their resources', () => {
  expect(
    [...new Set(made.map((one) => `${resourceOf(one).resources}.${resourceOf(one).apiGroups}`))].sort(),
  ).toEqual([
    'backendtlspolicies.gateway.networking.k8s.io',
    'certificates.cert-manager.io',
    'clusterrolebindings.rbac.authorization.k8s.io',
    'clusterroles.rbac.authorization.k8s.io',
    'configmaps.',
    'cronjobs.batch',
    'deployments.apps',
    'gatewayclasses.gateway.networking.k8s.io',
    'gateways.gateway.networking.k8s.io',
    'horizontalpodautoscalers.autoscaling',
    'httproutes.gateway.networking.k8s.io',
    'limitranges.',
    'namespaces.',
    'networkpolicies.networking.k8s.io',
    'persistentvolumeclaims.',
    'poddisruptionbudgets.policy',
    'resourcequotas.',
    'rolebindings.rbac.authorization.k8s.io',
    'roles.rbac.authorization.k8s.io',
    'secrets.',
    'serviceaccounts.',
    'services.',
    'statefulsets.apps',
  ]);
});

test('the deployer may make, and the reader read, whatever any environment consists of', () => {
  expect(made.flatMap((one) => lacks(deployer, { ...resourceOf(one), verbs: [...read, ...change] }))).toEqual(
    [],
  );
  expect(made.flatMap((one) => lacks(reader, { ...resourceOf(one), verbs: read }))).toEqual([]);
});

test('the deployer holds what the Roles grant that it makes, and so needs no escalate', () => {
  const granted = made.flatMap(({ rules = [] }) => rules);
  expect(granted.length).toBeGreaterThan(0);
  expect(granted.flatMap((rule) => lacks(deployer, rule))).toEqual([]);
  const all = deployer.rules
    .filter(({ resourceNames }) => resourceNames === undefined)
    .flatMap(({ apiGroups = [], resources = [], verbs }) => [...apiGroups, ...resources, ...verbs]);
  expect(all.filter((one) => ['*', 'bind', 'escalate', 'impersonate'].includes(one))).toEqual([]);
});

test('the deployer may bind what is bound, by name, and nothing else by name', () => {
  const named = deployer.rules.filter(({ resourceNames }) => resourceNames !== undefined);
  expect(named.map(({ verbs }) => verbs)).toEqual([['bind'], ['bind']]);
  const bindings = named.flatMap(({ resources = [], resourceNames = [] }) =>
    resourceNames.map((name) => `${resources} ${name}`),
  );
  const wanted = made.flatMap(({ roleRef }) =>
    roleRef ? `${resourceOf({ apiVersion: 'v1', ...roleRef }).resources} ${roleRef.name}` : [],
  );
  expect(bindings.sort()).toEqual([...new Set(wanted)].sort());
  expect(bindings).toContain('clusterroles simple378-edge');
});

test('the reader changes nothing', () => {
  const verbs = reader.rules
    .filter(({ resources = [] }) => resources.join() !== 'pods/portforward')
    .flatMap((rule) => rule.verbs);
  expect([...new Set(verbs)].sort()).toEqual(read);
});

test('both may ask kubectl what the checks before an up and the gates ask', () => {
  /** As kubectl calls them for short. */
  const asked: Readonly<Record<string, readonly [group: string, resource: string]>> = {
    gatewayclass: ['gateway.networking.k8s.io', 'gatewayclasses'],
    apiservice: ['apiregistration.k8s.io', 'apiservices'],
    storageclass: ['storage.k8s.io', 'storageclasses'],
    'clusterissuer.cert-manager.io': ['cert-manager.io', 'clusterissuers'],
    'issuer.cert-manager.io': ['cert-manager.io', 'issuers'],
  };
  const checks = settings.flatMap((one) => prerequisites(one).map(({ check }) => check));
  for (const role of [deployer, reader]) {
    for (const [verb = '', what = '', path = ''] of checks) {
      if (what === '--raw') {
        expect(paths(role).filter((one) => matchesGlob(path, one.replace('/*', '/**')))).not.toEqual([]);
        continue;
      }
      const [group, resource] = asked[what] ?? ['', what];
      expect(lacks(role, { apiGroups: [group], resources: [resource], verbs: [verb] })).toEqual([]);
    }
    expect(lacks(role, { apiGroups: [''], resources: ['pods', 'secrets'], verbs: ['get', 'list'] })).toEqual(
      [],
    );
    expect(lacks(role, { apiGroups: [''], resources: ['pods/portforward'], verbs: ['create'] })).toEqual([]);
    expect(paths(role)).toContain('/readyz');
  }
});

const paths = ({ rules }: ClusterRole) => rules.flatMap(({ nonResourceURLs = [] }) => nonResourceURLs);
