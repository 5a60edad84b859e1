import { hsts } from '../../contract/response-headers.ts';
import { isKind, manifest, namespaceOf, objectName, spec } from '../engine/kubernetes.ts';
import type { Resource } from '../engine/rule.ts';
import { integer, names, resourceRule, stackRule } from '../engine/rule.ts';

/** What the outside reaches: Gateway API listeners, routes, their middleware, and certificates. */

interface ParentRef {
  readonly name?: string;
  readonly namespace?: string;
  readonly sectionName?: string;
}
interface RouteRule {
  readonly backendRefs?: readonly {
    readonly name?: string;
    readonly port?: number;
    readonly kind?: string;
  }[];
  readonly filters?: readonly Filter[];
}
interface Filter {
  readonly type?: string;
  readonly extensionRef?: { readonly kind?: string; readonly name?: string };
  readonly responseHeaderModifier?: {
    readonly set?: readonly { readonly name?: string; readonly value?: string }[];
  };
}
interface RouteSpec {
  readonly parentRefs?: readonly ParentRef[];
  readonly rules?: readonly RouteRule[];
}
interface Listener {
  readonly name?: string;
  readonly protocol?: string;
  readonly port?: number;
  readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly { readonly name?: string }[] };
  readonly allowedRoutes?: { readonly namespaces?: { readonly from?: string } };
}

const isRoute = (resource: Resource): boolean =>
  isKind(resource, 'HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute');
const isGateway = (resource: Resource): boolean => isKind(resource, 'Gateway');
const listeners = (gateway: Resource): readonly Listener[] =>
  spec<{ listeners?: readonly Listener[] }>(gateway).listeners ?? [];
const encrypts = ({ protocol }: Listener): boolean => protocol === 'HTTPS' || protocol === 'TLS';

export const edgeRules = [
  resourceRule({
    name: 'gateway-tls-only',
    control: 'TLS-3',
    title: 'A gateway has encrypted listeners only, each with a certificate',
    why: 'A plain listener carries the first request, token included, in the clear.',
    severity: 'critical',
    remediation:
      'Use protocol: HTTPS with tls.mode: Terminate and certificateRefs; remove the HTTP listener.',
    references: ['ASVS 12.2.1', 'ASVS 4.1.2', 'API8', 'polaris tlsSettingsMissing'],
    applies: isGateway,
    *check(resource) {
      if (listeners(resource).length === 0) yield 'has no listener';
      for (const listener of listeners(resource)) {
        const { name, protocol, tls } = listener;
        if (!encrypts(listener)) yield `listener ${name}: protocol is ${protocol}`;
        else if (tls?.mode !== 'Passthrough' && (tls?.certificateRefs ?? []).length === 0)
          yield `listener ${name}: no certificateRefs`;
      }
    },
  }),
  resourceRule({
    name: 'gateway-own-namespace-routes',
    control: 'EDG-1',
    title: 'A gateway takes routes of its own namespace only',
    why: 'Any other namespace could publish a route under this host and certificate.',
    severity: 'medium',
    remediation: 'Set allowedRoutes.namespaces.from: Same on each listener.',
    references: ['ASVS 13.2.4', 'Gateway API security model'],
    applies: isGateway,
    *check(resource) {
      for (const { name, allowedRoutes } of listeners(resource)) {
        const from = allowedRoutes?.namespaces?.from ?? 'Same';
        if (from === 'All') yield `listener ${name}: admits routes of all namespaces`;
      }
    },
  }),
  stackRule({
    name: 'route-on-tls-listener',
    control: 'TLS-3',
    title: 'Every route is attached to an encrypted listener',
    why: 'A route without sectionName attaches to every listener, a plain one included.',
    severity: 'critical',
    remediation: 'Name the HTTPS listener in parentRefs.sectionName.',
    references: ['ASVS 12.2.1', 'API8'],
    *check(resources) {
      const gateways = resources.filter(isGateway);
      for (const resource of resources.filter(isRoute)) {
        const parents = spec<RouteSpec>(resource).parentRefs ?? [];
        if (parents.length === 0) yield { message: 'has no parentRefs', resource };
        for (const { name, namespace = namespaceOf(resource), sectionName } of parents) {
          const gateway = gateways.find((one) => objectName(one) === name && namespaceOf(one) === namespace);
          const section = gateway && listeners(gateway).find((one) => one.name === sectionName);
          if (!sectionName) yield { message: `names no listener of gateway ${name}`, resource };
          else if (gateway && !section) yield { message: `listener ${sectionName} does not exist`, resource };
          else if (section && !encrypts(section))
            yield { message: `listener ${sectionName} is plain`, resource };
        }
      }
    },
  }),
  resourceRule({
    name: 'route-only-to-public-ports',
    control: 'EXP-1',
    title: 'No route leads to an internal port',
    why: 'Metrics, Prometheus and Redis have no users of their own: who reaches them is in.',
    severity: 'critical',
    remediation: 'Route to the API Service (8443) or, if published on purpose, to Grafana (3000) only.',
    references: ['API9', 'ASVS 13.4.5', 'stacklok/toolhive#6296'],
    config: {
      properties: { publicPorts: names('Service ports that a route may lead to', ['443', '8443', '3000']) },
    },
    applies: isRoute,
    *check(resource, config) {
      const allowed = config.publicPorts as readonly string[];
      for (const { backendRefs = [] } of spec<RouteSpec>(resource).rules ?? [])
        for (const { name, port, kind = 'Service' } of backendRefs)
          if (kind === 'Service' && !allowed.includes(String(port))) yield `leads to ${name}:${port}`;
    },
  }),
  stackRule({
    name: 'route-backend-exists',
    control: 'NET-2',
    title: 'Every route leads to a Service of this stack and a port that it has',
    why: 'Otherwise the edge answers 500 where the API was.',
    severity: 'medium',
    remediation: 'Name the Service and its port in backendRefs.',
    references: ['kube-linter dangling-ingress', 'kube-score ingress-targets-service'],
    *check(resources) {
      const services = resources.filter((one) => isKind(one, 'Service'));
      for (const resource of resources.filter(isRoute))
        for (const { backendRefs = [] } of spec<RouteSpec>(resource).rules ?? [])
          for (const { name, port, kind = 'Service' } of backendRefs) {
            if (kind !== 'Service') continue;
            const service = services.find(
              (one) => objectName(one) === name && namespaceOf(one) === namespaceOf(resource),
            );
            const ports = service
              ? (spec<{ ports?: readonly { port?: number }[] }>(service).ports ?? [])
              : [];
            if (!ports.some((one) => one.port === port))
              yield { message: `${name}:${port} is no Service of this stack`, resource };
          }
    },
  }),
  resourceRule({
    name: 'edge-headers',
    control: 'HDR-1',
    title: 'Middleware that sets headers sends HSTS for a year and keeps the checklist’s headers',
    why: 'The edge answers 404 and 502 itself: those answers carry its headers only.',
    severity: 'high',
    remediation: 'Build the middleware from contract/response-headers.ts.',
    references: ['ASVS 3.4.1', 'ASVS 3.4.3', 'ASVS 3.4.4', 'ASVS 3.4.6'],
    config: { properties: { hstsSeconds: integer('Least max-age of HSTS, in seconds', 31_536_000) } },
    applies: (resource) => isKind(resource, 'Middleware') && 'headers' in (manifest(resource).spec ?? {}),
    *check(resource, config) {
      const sent = middlewareHeaders(resource);
      const age = Number(/max-age=(\d+)/.exec(sent.get('strict-transport-security') ?? '')?.[1] ?? 0);
      if (age < (config.hstsSeconds as number)) yield `HSTS max-age is ${age} (${hsts} is wanted)`;
      for (const name of [
        'x-frame-options',
        'x-content-type-options',
        'x-xss-protection',
        'content-security-policy',
      ])
        if (!sent.has(name)) yield `does not send ${name}`;
    },
  }),
  resourceRule({
    name: 'edge-tls-versions',
    control: 'TLS-1',
    title: 'The edge speaks TLS 1.2 and 1.3 only, with forward secrecy',
    why: 'Older versions and ciphers without forward secrecy are broken.',
    severity: 'high',
    remediation: 'Set minVersion: VersionTLS12 and the Mozilla intermediate ciphers in the TLSOption.',
    references: ['ASVS 12.1.1', 'ASVS 12.1.2', 'Mozilla intermediate'],
    applies: (resource) => isKind(resource, 'TLSOption'),
    *check(resource) {
      const { minVersion, cipherSuites = [] } = spec<{
        minVersion?: string;
        cipherSuites?: readonly string[];
      }>(resource);
      if (minVersion !== 'VersionTLS12' && minVersion !== 'VersionTLS13')
        yield `minVersion is ${minVersion ?? 'not set'}`;
      const weak = cipherSuites.filter(
        (name) => !/^TLS_(ECDHE_|AES_|CHACHA20_)/.test(name) || /_CBC_|_RC4_|3DES/.test(name),
      );
      if (weak.length > 0) yield `allows ${weak.join(', ')}`;
    },
  }),
  resourceRule({
    name: 'no-ingress-nginx',
    control: 'EDG-1',
    title: 'No object needs ingress-nginx',
    why: 'ingress-nginx has had no fixes since March 2026.',
    severity: 'medium',
    remediation: 'Publish through a Gateway API route.',
    references: ['C-0292', 'CKV_K8S_152', 'CKV_K8S_153', 'CKV_K8S_154'],
    applies: (resource) => isKind(resource, 'Ingress', 'IngressClass'),
    *check(resource) {
      const { ingressClassName, controller } = spec<{ ingressClassName?: string; controller?: string }>(
        resource,
      );
      const annotations = Object.keys(manifest(resource).metadata?.annotations ?? {});
      const nginx = /nginx/.test(`${ingressClassName}${controller}`);
      if (nginx || annotations.some((name) => name.startsWith('nginx.ingress.kubernetes.io/')))
        yield 'belongs to ingress-nginx';
      else yield 'is an Ingress, which has no TLS listener of its own to check';
    },
  }),
] as const;

function middlewareHeaders(resource: Resource): ReadonlyMap<string, string> {
  const { headers = {} } = spec<{ headers?: Record<string, unknown> }>(resource);
  const custom = (headers.customResponseHeaders ?? {}) as Record<string, string>;
  const sent = new Map(Object.entries(custom).map(([name, value]) => [name.toLowerCase(), value]));
  const { stsSeconds, frameDeny, contentTypeNosniff, browserXssFilter, contentSecurityPolicy } = headers;
  if (stsSeconds) sent.set('strict-transport-security', `max-age=${String(stsSeconds)}`);
  if (frameDeny) sent.set('x-frame-options', 'DENY');
  if (contentTypeNosniff) sent.set('x-content-type-options', 'nosniff');
  if (browserXssFilter) sent.set('x-xss-protection', '1; mode=block');
  if (contentSecurityPolicy) sent.set('content-security-policy', String(contentSecurityPolicy));
  return sent;
}
