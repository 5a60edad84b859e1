import { type Rule, refuse, refuseEach } from './rule.ts';
import type { Settings } from './schema.ts';

const isTraefik = ({ edge }: Settings) => edge.controller === 'traefik';
const acme = /acme|lets-?encrypt|zerossl/i;
const everybody = /\/0$/;

/** Settings of the edge that only a managed Traefik uses, with the value that counts as not given. */
const ofTraefik = {
  replicas: (edge: Settings['edge']) => edge.replicas !== 1,
  autoscaling: (edge) => edge.autoscaling !== undefined,
  gatewayApi: (edge) => !edge.gatewayApi,
  preset: (edge) => edge.preset !== 'none',
  annotations: (edge) => Object.keys(edge.annotations).length > 0,
  loadBalancerClass: (edge) => edge.loadBalancerClass !== undefined,
  loadBalancerIP: (edge) => edge.loadBalancerIP !== undefined,
  loadBalancerSourceRanges: (edge) => edge.loadBalancerSourceRanges.length > 0,
  externalTrafficPolicy: (edge) => edge.externalTrafficPolicy !== undefined,
  'proxyProtocol.trustedCidrs': (edge) => edge.proxyProtocol.trustedCidrs.length > 0,
  trustedForwarders: (edge) => edge.trustedForwarders.length > 0,
} satisfies Record<string, (edge: Settings['edge']) => boolean>;
/** And those that only a load balancer uses. */
const ofLoadBalancer = ['preset', 'loadBalancerClass', 'loadBalancerIP', 'loadBalancerSourceRanges'] as const;
const given = (edge: Settings['edge'], keys: readonly (keyof typeof ofTraefik)[]) =>
  keys.filter((key) => ofTraefik[key](edge));

/** The edge, the cluster it stands in, and certificates. */
export const edge: readonly Rule[] = [
  refuse(
    (s) => !isTraefik(s) && !s.edge.existing,
    () => 'edge.existing: is missing; edge.controller existing needs it',
  ),
  refuse(
    (s) => isTraefik(s) && s.edge.existing !== undefined,
    () => 'edge.existing: edge.controller traefik does not use it; remove it',
  ),
  refuse(
    ({ edge: { existing } }) => existing && !existing.podLabels && existing.cidrs.length === 0,
    () => 'edge.existing: has neither podLabels nor cidrs; its requests would reach no pod',
  ),
  refuseEach(
    (s) => (isTraefik(s) ? [] : given(s.edge, Object.keys(ofTraefik) as (keyof typeof ofTraefik)[])),
    (key, s) =>
      `edge.${key}: ${shown(s.edge, key)} is of no use with edge.controller existing, whose pods and Service are not ours; remove it`,
  ),
  refuseEach(
    (s) => (isTraefik(s) && s.edge.serviceType !== 'LoadBalancer' ? given(s.edge, ofLoadBalancer) : []),
    (key, { edge: door }) =>
      `edge.${key}: ${shown(door, key)} is of no use with edge.serviceType ${door.serviceType}; remove it, or set LoadBalancer`,
  ),
  refuse(
    ({ edge: door }) => door.serviceType === 'ClusterIP' && door.externalTrafficPolicy !== undefined,
    ({ edge: door }) =>
      `edge.externalTrafficPolicy: ${door.externalTrafficPolicy} is of no use with edge.serviceType ClusterIP; remove it`,
  ),
  refuse(
    ({ edge: door }) => door.internal && (door.preset === 'none' || door.preset === 'metallb'),
    ({ edge: door }) =>
      `edge.internal: true means nothing with edge.preset ${door.preset}; set the annotations of your load balancer`,
  ),
  refuse(
    ({ edge: door }) =>
      door.proxyProtocol.trustedCidrs.length > 0 && ['gke', 'aks', 'metallb'].includes(door.preset),
    ({ edge: door }) =>
      `edge.proxyProtocol.trustedCidrs: the load balancer of edge.preset ${door.preset} sends no PROXY header; remove it, the client's address arrives by itself`,
  ),
  refuse(
    ({ edge: door }) =>
      door.preset === 'eks-nlb' &&
      door.proxyProtocol.trustedCidrs.length > 0 &&
      door.externalTrafficPolicy === 'Local',
    () =>
      'edge.externalTrafficPolicy: Local fails the health checks of an NLB with PROXY protocol; remove it, or edge.proxyProtocol.trustedCidrs',
  ),
  ...(['proxyProtocol.trustedCidrs', 'trustedForwarders'] as const).map((key) =>
    refuseEach(
      ({ edge: door }) =>
        (key === 'trustedForwarders' ? door.trustedForwarders : door.proxyProtocol.trustedCidrs).filter(
          (cidr) => everybody.test(cidr),
        ),
      (cidr) => `edge.${key}: ${cidr} trusts everybody with the client's address; name the proxies alone`,
    ),
  ),
  refuse(
    ({ edge: door }) => door.serviceType === 'NodePort' && door.nodePort === undefined,
    () => 'edge.nodePort: is missing; edge.serviceType NodePort needs it',
  ),
  refuse(
    ({ edge: door }) => door.serviceType !== 'NodePort' && door.nodePort !== undefined,
    ({ edge: door }) =>
      `edge.nodePort: ${door.nodePort} is of no use with edge.serviceType ${door.serviceType}; remove it`,
  ),
  refuse(
    ({ edge: door }) => Number(door.autoscaling?.maxReplicas) < door.replicas,
    ({ edge: door }) =>
      `edge.autoscaling.maxReplicas: ${door.autoscaling?.maxReplicas} is below edge.replicas, which is ${door.replicas}`,
  ),
  refuse(
    ({ edge: door }) => /^[\d.]+$/.test(door.host),
    ({ edge: door }) =>
      `edge.host: ${door.host} is an address, for which no certificate is made; give a name`,
  ),
  refuse(
    (s) =>
      isTraefik(s) &&
      s.edge.gatewayApi &&
      s.cluster.apiServerAccess === 'cidrs' &&
      s.cluster.apiServerCidrs.length === 0,
    () => 'cluster.apiServerCidrs: is empty; edge.controller traefik reads routes from the API server',
  ),
  refuse(
    ({ cluster }) => cluster.podCidrs.length === 0,
    () => 'cluster.podCidrs: is empty; the service would trust no forwarded address',
  ),
  refuse(
    ({ cluster }) => cluster.ipFamilies.length === 0,
    () => 'cluster.ipFamilies: is empty; at least one of IPv4, IPv6',
  ),
  refuseEach(
    ({ cluster }) =>
      cluster.podCidrs.length === 0
        ? []
        : cluster.ipFamilies.filter(
            (family) => !cluster.podCidrs.some((cidr) => cidr.includes(':') === (family === 'IPv6')),
          ),
    (family) =>
      `cluster.podCidrs: has no ${family} block, and cluster.ipFamilies names ${family}; add the block`,
  ),
  refuse(
    ({ cluster }) => cluster.dns?.ports.length === 0,
    () => 'cluster.dns.ports: is empty; usually 53',
  ),
  refuse(
    ({ tls }) => tls.renewBeforeHours >= tls.durationHours,
    ({ tls }) =>
      `tls.renewBeforeHours: ${tls.renewBeforeHours} is not less than tls.durationHours, which is ${tls.durationHours}`,
  ),
  ...(['edgeIssuer', 'internalIssuer'] as const).map((key) =>
    refuse(
      ({ tls }) => tls.issuer === 'cert-manager' && !tls[key],
      () => `tls.${key}: is missing; tls.issuer cert-manager needs it`,
    ),
  ),
  refuse(
    ({ tls }) => tls.issuer === 'generated' && (tls.edgeIssuer ?? tls.internalIssuer),
    () => 'tls.issuer: generated uses neither tls.edgeIssuer nor tls.internalIssuer; remove them',
  ),
  refuse(
    ({ tls }) => acme.test(tls.internalIssuer?.name ?? ''),
    ({ tls }) =>
      `tls.internalIssuer.name: ${tls.internalIssuer?.name} is an ACME issuer by its name; those sign no names inside a cluster and give no ca.crt; name an issuer of kind CA or Vault`,
  ),
];

const shown = (door: Settings['edge'], key: keyof typeof ofTraefik): string =>
  JSON.stringify(key === 'proxyProtocol.trustedCidrs' ? door.proxyProtocol.trustedCidrs : door[key]);
