import type { Manifest } from '../kubernetes/manifest.ts';
import { service } from '../kubernetes/objects.ts';
import type { Settings } from '../settings/index.ts';

type Edge = Settings['edge'];

/** The class and the annotations of a load balancer. */
interface LoadBalancer {
  readonly class?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

const aws = 'service.beta.kubernetes.io/aws-load-balancer';
const azure = 'service.beta.kubernetes.io/azure-load-balancer';

/** What each preset fills in; settings of the same name win. */
const presets: Readonly<Record<Edge['preset'], (edge: Edge) => LoadBalancer>> = {
  none: () => ({ annotations: {} }),
  'eks-nlb': ({ internal, loadBalancerIP, proxyProtocol }) => ({
    class: 'service.k8s.aws/nlb',
    annotations: {
      [`${aws}-scheme`]: internal ? 'internal' : 'internet-facing',
      ...(loadBalancerIP
        ? { [`${aws}-${internal ? 'private-ipv4-addresses' : 'eip-allocations'}`]: loadBalancerIP }
        : {}),
      // Health checks of instances speak no PROXY protocol; those of addresses do.
      ...(proxyProtocol.trustedCidrs.length > 0
        ? { [`${aws}-nlb-target-type`]: 'ip', [`${aws}-proxy-protocol`]: '*' }
        : {}),
    },
  }),
  gke: ({ internal, loadBalancerIP }) => ({
    annotations: {
      ...(internal
        ? { 'networking.gke.io/load-balancer-type': 'Internal' }
        : { 'cloud.google.com/l4-rbs': 'enabled' }),
      ...(loadBalancerIP ? { 'networking.gke.io/load-balancer-ip-addresses': loadBalancerIP } : {}),
    },
  }),
  aks: ({ internal, loadBalancerIP }) => ({
    annotations: {
      ...(internal ? { [`${azure}-internal`]: 'true' } : {}),
      ...(loadBalancerIP ? { [`${azure}-ipv4`]: loadBalancerIP } : {}),
    },
  }),
  metallb: ({ loadBalancerIP }) => ({
    annotations: loadBalancerIP ? { 'metallb.io/loadBalancerIPs': loadBalancerIP } : {},
  }),
};

/** The Service of the edge, as the platform's load balancer wants it. */
export function edgeService(settings: Settings): Manifest {
  const { edge } = settings;
  const { serviceType, nodePort, loadBalancerSourceRanges } = edge;
  const preset = presets[edge.preset](edge);
  const balancerClass = edge.loadBalancerClass ?? preset.class;
  const usesProxy = edge.proxyProtocol.trustedCidrs.length > 0;
  // Keeps the client's address, which the per-address limit counts by; a PROXY header does so, too, from every node.
  const policy = edge.externalTrafficPolicy ?? (usesProxy ? 'Cluster' : 'Local');
  const manifest = service(settings, {
    name: 'edge',
    component: 'edge',
    ports: { https: 443 },
    spec: {
      type: serviceType,
      ...(serviceType === 'ClusterIP' ? {} : { externalTrafficPolicy: policy }),
      ...(balancerClass && serviceType === 'LoadBalancer' ? { loadBalancerClass: balancerClass } : {}),
      ...(edge.loadBalancerIP && edge.preset === 'none' ? { loadBalancerIP: edge.loadBalancerIP } : {}),
      ...(loadBalancerSourceRanges.length > 0 ? { loadBalancerSourceRanges } : {}),
      ports: [
        {
          name: 'https',
          port: 443,
          targetPort: 'https',
          protocol: 'TCP',
          ...(nodePort ? { nodePort } : {}),
        },
      ],
    },
  });
  const annotations = { ...preset.annotations, ...edge.annotations };
  return Object.keys(annotations).length > 0
    ? { ...manifest, metadata: { ...manifest.metadata, annotations } }
    : manifest;
}
