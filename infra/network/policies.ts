import type { NetworkPolicyPeer, NetworkPolicyPort } from 'kubernetes-types/networking/v1.js';
import { metadata } from '../kubernetes/labels.ts';
import type { Manifest } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import type { Connection, Connections, Outside } from './connections.ts';

/** NodeLocal DNSCache answers at this address instead of the DNS pods where a cluster runs it. */
const nodeLocalDns = '169.254.20.10/32';

/**
 * The NetworkPolicies of an environment: nothing may talk to anything, in either direction, but what the
 * connections name; one policy per node, with named ports.
 */
export function networkPolicies(settings: Settings, graph: Connections): Manifest[] {
  return [
    policy(settings, 'default-deny', {}, { policyTypes: ['Ingress', 'Egress'] }),
    ...Object.keys(graph.nodes).map((node) => {
      const ingress = graph.list.filter(({ to }) => to === node);
      const egress = graph.list.filter(({ from }) => from === node);
      return policy(settings, node, podsOf(settings, node), {
        policyTypes: ['Ingress', 'Egress'],
        ingress: ingress.map((connection) => ({
          from: peers(settings, graph, connection.from),
          ports: portsOf(graph, connection),
        })),
        egress: egress.map((connection) => ({
          to: peers(settings, graph, connection.to),
          ports: portsOf(graph, connection),
        })),
      });
    }),
  ];
}

function policy(settings: Settings, name: string, podSelector: object, spec: object): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(settings, name, 'network'),
    spec: { podSelector, ...spec },
  };
}

function podsOf(settings: Settings, node: string) {
  return {
    matchLabels: {
      'app.kubernetes.io/component': node,
      'app.kubernetes.io/instance': settings.namespace,
    },
  };
}

function peers(settings: Settings, graph: Connections, name: string): NetworkPolicyPeer[] {
  const outside: Outside | undefined = graph.outsides[name];
  if (outside === undefined) return [{ podSelector: podsOf(settings, name) }];
  if (outside === 'anyone') return [{ ipBlock: { cidr: '0.0.0.0/0' } }];
  if ('cidrs' in outside) return outside.cidrs.map((cidr) => ({ ipBlock: { cidr } }));
  const pods = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': outside.namespace } },
    podSelector: { matchLabels: { ...outside.labels } },
  };
  return name === 'dns' ? [pods, { ipBlock: { cidr: nodeLocalDns } }] : [pods];
}

function portsOf(graph: Connections, { to, port }: Connection): NetworkPolicyPort[] {
  const outside = graph.outsides[to];
  if (to === 'dns')
    return [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ];
  if (typeof outside === 'object' && 'cidrs' in outside)
    return outside.ports.map((number) => ({ protocol: 'TCP', port: number }));
  return [{ protocol: 'TCP', port: port as string }];
}
