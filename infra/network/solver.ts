import { BlockList } from 'node:net';
import type { NetworkPolicySpec } from 'kubernetes-types/networking/v1.js';
import type { Manifest } from '../kubernetes/manifest.ts';

/** One side of a connection: a pod by its labels and its namespace's name, or an address outside the cluster. */
export interface Peer {
  readonly labels?: Readonly<Record<string, string>>;
  readonly namespace?: string;
  readonly address?: string;
}

/** What is reached: a port's number, and its name in the pod when it has one. */
export interface Target {
  readonly number: number;
  readonly name?: string;
  readonly protocol?: 'TCP' | 'UDP';
}

/**
 * Whether NetworkPolicies let one peer reach another, by the rules of the Kubernetes API: a pod that no policy
 * selects for a direction is open in it, else at least one rule must match.
 */
export function reaches(policies: readonly Manifest[], from: Peer, to: Peer, target: Target): boolean {
  return permits(policies, 'Egress', from, to, target) && permits(policies, 'Ingress', to, from, target);
}

function permits(
  policies: readonly Manifest[],
  direction: 'Ingress' | 'Egress',
  subject: Peer,
  other: Peer,
  target: Target,
): boolean {
  if (subject.labels === undefined) return true;
  const selecting = policies
    .filter(({ metadata }) => metadata.namespace === subject.namespace)
    .map(({ spec }) => spec as NetworkPolicySpec)
    .filter(
      (spec) =>
        spec.policyTypes?.includes(direction) && matches(spec.podSelector?.matchLabels, subject.labels),
    );
  if (selecting.length === 0) return true;
  const rules = selecting.flatMap((spec) =>
    direction === 'Ingress'
      ? (spec.ingress ?? []).map((rule) => ({ peers: rule.from, ports: rule.ports }))
      : (spec.egress ?? []).map((rule) => ({ peers: rule.to, ports: rule.ports })),
  );
  return rules.some(
    (rule) =>
      (rule.ports === undefined ||
        rule.ports.some(
          (port) =>
            (port.protocol ?? 'TCP') === (target.protocol ?? 'TCP') &&
            (port.port === undefined ||
              port.port === target.number ||
              port.port === target.name ||
              (Number(port.port) <= target.number && target.number <= (port.endPort ?? 0))),
        )) &&
      (rule.peers === undefined ||
        rule.peers.some((peer) => {
          if (peer.ipBlock)
            return other.address !== undefined && inBlock(other.address, peer.ipBlock.cidr ?? '');
          if (other.labels === undefined) return false;
          const namespace = peer.namespaceSelector
            ? peer.namespaceSelector.matchLabels?.['kubernetes.io/metadata.name']
            : subject.namespace;
          // An empty selector means every namespace.
          const sameNamespace = namespace === undefined || namespace === other.namespace;
          return sameNamespace && matches(peer.podSelector?.matchLabels, other.labels);
        })),
  );
}

function matches(
  wanted: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  return Object.entries(wanted ?? {}).every(([key, value]) => labels[key] === value);
}

function inBlock(address: string, cidr: string): boolean {
  const familyOf = (text: string) => (text.includes(':') ? 'ipv6' : 'ipv4');
  const [base = '', bits = base.includes(':') ? '128' : '32'] = cidr.split('/');
  const block = new BlockList();
  block.addSubnet(base, Number(bits), familyOf(base));
  return familyOf(base) === familyOf(address) && block.check(address, familyOf(address));
}
