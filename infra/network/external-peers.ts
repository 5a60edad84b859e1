import type { Settings } from '../settings/index.ts';
import { isKeptByService, limitGatewayOf } from '../settings/limit-gateway.ts';

/** A port, or a range of them. */
export type PortRange = number | { readonly from: number; readonly to: number };

/** Something outside the namespace that pods talk to, or that talks to them: pods, addresses, or both. */
export interface ExternalPeer {
  readonly pods?: readonly {
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
  }[];
  readonly cidrs?: readonly string[];
  /** Where something of the namespace connects to it. */
  readonly ports?: readonly PortRange[];
  /** TCP alone when absent. */
  readonly protocols?: readonly ('UDP' | 'TCP')[];
}

export const receiverPeer = (name: string): string => `receiver-${name}`;
export const remoteWritePeer = (name: string): string => `remote-write-${name}`;

/** Caches on the node: NodeLocal DNSCache, GKE Cloud DNS, AKS LocalDNS. Where there is none, nothing answers there. */
const nodeDns = ['169.254.20.10/32', '169.254.169.254/32', '169.254.10.0/24'];

/** Returns where pods may resolve names. */
export function dnsOf({ dns, platform }: Settings['cluster']): ExternalPeer {
  const protocols = ['UDP', 'TCP'] as const;
  if (dns)
    return {
      pods: [{ namespace: dns.namespace, labels: dns.podLabels }],
      cidrs: dns.cidrs,
      ports: dns.ports,
      protocols,
    };
  // Pods of OpenShift's DNS listen on 5353, behind port 53 of their Service.
  if (platform === 'openshift')
    return {
      pods: [
        { namespace: 'openshift-dns', labels: { 'dns.operator.openshift.io/daemonset-dns': 'default' } },
      ],
      ports: [5353, 53],
      protocols,
    };
  return {
    pods: ['kube-dns', 'node-local-dns'].map((app) => ({
      namespace: 'kube-system',
      labels: { 'k8s-app': app },
    })),
    cidrs: nodeDns,
    ports: [53],
    protocols,
  };
}

/** Returns the external peers of an environment, by name. */
export function externalPeers(settings: Settings): Record<string, ExternalPeer> {
  const { cluster, edge, alertmanager, grafana, prometheus, tracing } = settings;
  const outward = ({ cidrs, port }: { readonly cidrs: readonly string[]; readonly port: number }) => ({
    cidrs,
    ports: [port],
  });
  const pods = (
    list: readonly { readonly namespace: string; readonly podLabels: Record<string, string> }[],
  ) => ({
    pods: list.map(({ namespace, podLabels }) => ({ namespace, labels: podLabels })),
  });
  const { existing } = edge;
  return {
    dns: dnsOf(cluster),
    ...(edge.controller === 'traefik' ? { clients: { cidrs: ['0.0.0.0/0', '::/0'] } } : {}),
    ...(edge.controller === 'traefik' && edge.gatewayApi
      ? {
          'api-server': {
            cidrs: cluster.apiServerAccess === 'cidrs' ? cluster.apiServerCidrs : [],
            ports: [cluster.apiServerPort],
          },
        }
      : {}),
    ...(existing
      ? {
          'gateway-controller': {
            ...(existing.podLabels
              ? {
                  pods: [
                    {
                      ...(existing.namespace ? { namespace: existing.namespace } : {}),
                      labels: existing.podLabels,
                    },
                  ],
                }
              : {}),
            cidrs: existing.cidrs,
          },
        }
      : {}),
    ...externalRedis(settings),
    ...tokenIssuer(settings),
    ...(prometheus.clients.length > 0 ? { 'prometheus-clients': pods(prometheus.clients) } : {}),
    ...(cluster.scrapers.length > 0 ? { scrapers: pods(cluster.scrapers) } : {}),
    ...Object.fromEntries(alertmanager.receivers.map((one) => [receiverPeer(one.name), outward(one)])),
    ...Object.fromEntries(prometheus.remoteWrite.map((one) => [remoteWritePeer(one.name), outward(one)])),
    ...(tracing.enabled && tracing.external ? { 'external-trace-store': outward(tracing.external) } : {}),
    ...(grafana.mode === 'provisioned' && grafana.oidc ? { 'identity-provider': outward(grafana.oidc) } : {}),
    ...(cluster.mesh === 'istio'
      ? { istiod: { pods: [{ namespace: 'istio-system', labels: { app: 'istiod' } }], ports: [15_012] } }
      : {}),
  };
}

function tokenIssuer(settings: Settings): Record<string, ExternalPeer> {
  const tokens = limitGatewayOf(settings)?.tokens;
  if (tokens === undefined || isKeptByService(tokens.jwksUrl)) return {};
  return { 'token-issuer': { cidrs: tokens.cidrs, ports: [Number(new URL(tokens.jwksUrl).port || 443)] } };
}

function externalRedis({ redis: { mode, external } }: Settings): Record<string, ExternalPeer> {
  if (mode !== 'external' || !external) return {};
  const { servers, dataPorts, nodePorts, cidrs } = external;
  const numbers = servers.map((server) => Number(server.slice(server.lastIndexOf(':') + 1)));
  return {
    'external-redis': {
      cidrs,
      ports: [...new Set([...numbers, ...dataPorts]), ...(nodePorts ? [nodePorts] : [])],
    },
  };
}
