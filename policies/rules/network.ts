import type { Selector } from '../engine/kubernetes.ts';
import {
  isKind,
  isWorkload,
  namespaceOf,
  objectName,
  podTemplate,
  selects,
  spec,
} from '../engine/kubernetes.ts';
import type { Resource } from '../engine/rule.ts';
import { integer, names, resourceRule, stackRule } from '../engine/rule.ts';

/** Who may talk to whom: network policies and Services, and that what they select is there. */

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr?: string; readonly except?: readonly string[] };
}
interface PolicyRule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port?: number | string; readonly protocol?: string }[];
}
interface PolicySpec {
  readonly podSelector?: Selector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}
const isPolicy = (resource: Resource): boolean => isKind(resource, 'NetworkPolicy');

export const networkRules = [
  stackRule({
    name: 'network-default-deny',
    control: 'NET-1',
    title: 'Every namespace with pods denies all traffic that is not allowed, both ways',
    why: 'Kubernetes allows everything until a policy selects the pod.',
    severity: 'critical',
    remediation: 'Add a NetworkPolicy with podSelector: {}, policyTypes [Ingress, Egress] and no rules.',
    references: ['CIS 5.3.2', 'C-0260', 'C-0054', 'CKV2_K8S_6', 'NSA', 'ASVS 13.2.4'],
    *check(resources) {
      const policies = resources.filter(isPolicy);
      for (const namespace of new Set(resources.filter(isWorkload).map(namespaceOf)))
        for (const direction of ['Ingress', 'Egress'] as const) {
          const denies = (resource: Resource): boolean => {
            const {
              podSelector = {},
              policyTypes = ['Ingress'],
              ingress,
              egress,
            } = spec<PolicySpec>(resource);
            const everyPod = Object.keys(podSelector).length === 0;
            const rules = direction === 'Ingress' ? ingress : egress;
            return everyPod && policyTypes.includes(direction) && (rules ?? []).length === 0;
          };
          if (!policies.some((resource) => namespaceOf(resource) === namespace && denies(resource)))
            yield { message: `namespace ${namespace} has no default deny for ${direction}` };
        }
    },
  }),
  resourceRule({
    name: 'network-policy-names-peers-and-ports',
    control: 'NET-1',
    title: 'Every allowance names a peer and a port',
    why: 'A rule without from or without ports opens a pod to everybody, or to every port.',
    severity: 'high',
    remediation:
      'Give each ingress and egress rule a from or to, and ports; add the connection in infra/network/connections.ts.',
    references: ['C-0260', 'NSA', 'ASVS 13.2.4', 'CKV2_K8S_6'],
    config: {
      properties: {
        public: names('Policies that admit every address, as the edge must', ['edge']),
      },
    },
    applies: isPolicy,
    *check(resource, config) {
      const { ingress = [], egress = [] } = spec<PolicySpec>(resource);
      const open = (config.public as readonly string[]).includes(objectName(resource));
      for (const [direction, rules] of [
        ['ingress', ingress],
        ['egress', egress],
      ] as const)
        for (const [index, rule] of rules.entries()) {
          const peers = (direction === 'ingress' ? rule.from : rule.to) ?? [];
          const where = `${direction} rule ${index + 1}`;
          if ((rule.ports ?? []).length === 0) yield `${where} names no ports`;
          if ((rule.ports ?? []).some(({ port }) => port === undefined))
            yield `${where} has a port without a number`;
          if (open && direction === 'ingress') continue;
          if (peers.length === 0) yield `${where} names no peer`;
          if (peers.some(admitsEverybody)) yield `${where} names a peer that is everybody`;
        }
    },
  }),
  resourceRule({
    name: 'network-no-internet',
    control: 'NET-1',
    title: 'No pod may reach the internet, save to addresses that are named one by one',
    why: 'An intruder fetches tools and sends data out; server-side request forgery finds the metadata service.',
    severity: 'high',
    remediation:
      'Name the receiver in a narrow ipBlock; the setting cluster.egressPrefix is the widest, cluster.internalCidrs are blocks of the cluster itself.',
    references: ['API7', 'NSA', 'ASVS 13.2.4'],
    config: {
      properties: {
        inside: names('Wider ranges that are the cluster itself, as a laptop cluster’s API server', []),
        ipv4: integer('Fewest bits of an IPv4 prefix', 24),
        ipv6: integer('Fewest bits of an IPv6 prefix', 64),
      },
    },
    applies: isPolicy,
    *check(resource, config) {
      const inside = config.inside as readonly string[];
      for (const { to = [] } of spec<PolicySpec>(resource).egress ?? [])
        for (const { ipBlock } of to) {
          if (ipBlock?.cidr && inside.includes(ipBlock.cidr)) continue;
          const [address = '', bits = ''] = (ipBlock?.cidr ?? '').split('/');
          const narrow = (address.includes(':') ? config.ipv6 : config.ipv4) as number;
          if (ipBlock && !(Number(bits) >= narrow)) yield `egress to ${ipBlock.cidr}`;
        }
    },
  }),
  stackRule({
    name: 'network-dns-explicit',
    control: 'NET-1',
    title: 'Name resolution is allowed to the cluster’s DNS only, over UDP and TCP',
    why: 'Port 53 to anywhere is a tunnel; without TCP large answers are lost.',
    severity: 'medium',
    remediation:
      'Allow egress to the cluster’s DNS on 53/UDP and 53/TCP; the setting cluster.dns says where it is.',
    references: ['NSA', 'tigera/operator#4581'],
    *check(resources) {
      for (const resource of resources.filter(isPolicy))
        for (const { to = [], ports = [] } of spec<PolicySpec>(resource).egress ?? []) {
          const dns = ports.filter(({ port }) => port === 53);
          if (dns.length === 0) continue;
          const protocols = new Set(dns.map(({ protocol = 'TCP' }) => protocol));
          if (!protocols.has('UDP') || !protocols.has('TCP'))
            yield { message: `DNS over ${[...protocols].join()} only`, resource };
          if (to.some(({ namespaceSelector, ipBlock }) => !namespaceSelector && !ipBlock))
            yield { message: 'DNS is allowed to a peer that is not the cluster’s DNS', resource };
        }
    },
  }),
  stackRule({
    name: 'network-policy-selects-pods',
    control: 'NET-1',
    title: 'Every network policy selects a pod, and every peer within the namespace is one',
    why: 'A misspelt label is an allowance that never was, or a protection that is not.',
    severity: 'medium',
    remediation: 'Use the labels of the workload; remove policies of what is gone.',
    references: ['kube-linter dangling-networkpolicy', 'kube-linter dangling-networkpolicypeer-podselector'],
    *check(resources) {
      const workloads = resources.filter(isWorkload);
      const exists = (namespace: string, selector: Selector): boolean =>
        workloads.some(
          (workload) =>
            namespaceOf(workload) === namespace && selects(selector, podTemplate(workload).metadata?.labels),
        );
      for (const resource of resources.filter(isPolicy)) {
        const namespace = namespaceOf(resource);
        const { podSelector = {}, ingress = [], egress = [] } = spec<PolicySpec>(resource);
        if (Object.keys(podSelector).length > 0 && !exists(namespace, podSelector))
          yield { message: 'selects no pod', resource };
        const peers = [...ingress.flatMap(({ from = [] }) => from), ...egress.flatMap(({ to = [] }) => to)];
        for (const peer of peers)
          if (peer.podSelector && !peer.namespaceSelector && !exists(namespace, peer.podSelector))
            yield { message: `a peer (${describe(peer.podSelector)}) is no pod of this stack`, resource };
      }
    },
  }),
] as const;

function admitsEverybody({ podSelector, namespaceSelector, ipBlock }: Peer): boolean {
  if (ipBlock) return /^(0\.0\.0\.0|::)\/0$/.test(ipBlock.cidr ?? '');
  const empty = (selector: Selector | undefined): boolean =>
    selector !== undefined &&
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    !selector.matchExpressions?.length;
  return (
    (empty(namespaceSelector) && (!podSelector || empty(podSelector))) ||
    (!namespaceSelector && empty(podSelector))
  );
}

function describe(selector: Selector): string {
  return Object.entries(selector.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
