import type { NetworkPolicyPeer, NetworkPolicyPort } from 'kubernetes-types/networking/v1.js';
import { metadata } from '../kubernetes/labels.ts';
import type { Manifest } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import type { Connection, Connections } from './connections.ts';

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
        ingress: ingress.flatMap((connection) => rule('from', settings, graph, connection.from, connection)),
        egress: egress.flatMap((connection) => rule('to', settings, graph, connection.to, connection)),
      });
    }),
    ...apiServerByEntity(settings, graph),
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

/** One rule, or none where the peer has neither pods nor addresses: an empty list of peers would admit everybody. */
function rule(
  direction: 'from' | 'to',
  settings: Settings,
  graph: Connections,
  other: string,
  connection: Connection,
): object[] {
  const list = peers(settings, graph, other);
  return list.length > 0 ? [{ [direction]: list, ports: portsOf(graph, connection) }] : [];
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
  const external = graph.externalPeers[name];
  if (external === undefined) return [{ podSelector: podsOf(settings, name) }];
  return [
    ...(external.pods ?? []).map(({ namespace, labels }) => ({
      namespaceSelector: namespace ? { matchLabels: { 'kubernetes.io/metadata.name': namespace } } : {},
      podSelector: { matchLabels: { ...labels } },
    })),
    ...(external.cidrs ?? []).map((cidr) => ({ ipBlock: { cidr } })),
  ];
}

function portsOf(graph: Connections, { to, port }: Connection): NetworkPolicyPort[] {
  const external = graph.externalPeers[to];
  if (external === undefined) return [{ protocol: 'TCP', port: port as string }];
  const { ports = [], protocols = ['TCP'] } = external;
  return ports.flatMap((one) =>
    protocols.map((protocol) =>
      typeof one === 'number' ? { protocol, port: one } : { protocol, port: one.from, endPort: one.to },
    ),
  );
}

/** On Cilium no address block matches an API server that runs on nodes; its own policy has a name for it. */
function apiServerByEntity(settings: Settings, graph: Connections): Manifest[] {
  const { apiServerAccess, apiServerPort } = settings.cluster;
  if (apiServerAccess !== 'cilium' || !('api-server' in graph.externalPeers)) return [];
  const numbers = [...new Set([443, 6443, apiServerPort])];
  return [
    {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNetworkPolicy',
      metadata: metadata(settings, 'edge-api-server', 'network'),
      spec: {
        endpointSelector: podsOf(settings, 'edge'),
        egress: [
          {
            toEntities: ['kube-apiserver'],
            toPorts: [{ ports: numbers.map((port) => ({ port: String(port), protocol: 'TCP' })) }],
          },
        ],
      },
    },
  ];
}
