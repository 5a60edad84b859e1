import { ports } from '../../contract/ports.ts';
import { securityHeaders } from '../../contract/response-headers.ts';
import { clusterWide, labels, metadata } from '../kubernetes/labels.ts';
import type { Manifest } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';

const name = 'edge';
const gatewayApi = 'gateway.networking.k8s.io/v1';
/** Where requests for other hosts go: a path that the service does not have. */
export const unknownHostPath = '/unknown-host';

/** What the readiness probe of a managed Traefik asks for: a route that Traefik answers by itself, whatever the service does. */
export const readyPath = '/edge-ready';
export const readyHeader = { name: 'X-Edge-Probe', value: 'ready' };

/** Grafana's host, where the edge has a route to it. */
export function grafanaHost({ grafana }: Pick<Settings, 'grafana'>): string | undefined {
  return grafana.mode === 'provisioned' && grafana.url ? new URL(grafana.url).hostname : undefined;
}

/** The Gateway with its routes, its hop to the service, and the class of a managed controller. */
export function gatewayObjects(settings: Settings): Manifest[] {
  const { existing } = settings.edge;
  return [
    gateway(settings),
    ...routes(settings),
    ...(existing?.backendTls === false || settings.app.limits === 'edge' ? [] : [backendTls(settings)]),
    ...(existing
      ? []
      : [
          {
            apiVersion: gatewayApi,
            kind: 'GatewayClass',
            metadata: { name: clusterWide(settings, name), labels: labels(settings, name) },
            spec: { controllerName: 'traefik.io/gateway-controller' },
          },
        ]),
  ];
}

function gateway(settings: Settings): Manifest {
  const { existing } = settings.edge;
  return {
    apiVersion: gatewayApi,
    kind: 'Gateway',
    metadata: metadata(settings, name, name),
    spec: {
      gatewayClassName: existing ? existing.gatewayClass : clusterWide(settings, name),
      listeners: [
        {
          name: 'https',
          protocol: 'HTTPS',
          // Traefik wants its own port here; others open what is asked for.
          port: existing ? 443 : ports.https,
          tls: { mode: 'Terminate', certificateRefs: [{ kind: 'Secret', name: 'edge-tls' }] },
          allowedRoutes: { namespaces: { from: 'Same' }, kinds: [{ kind: 'HTTPRoute' }] },
        },
      ],
    },
  };
}

/**
 * Every path of the host goes to the service, and so does every other host, there to a path that does not exist: an
 * unknown path or host gets the service's own 404, with its headers. The filter sets the headers on what the controller answers
 * itself; `set` does not double them. Grafana sets its own.
 */
function routes(settings: Settings): Manifest[] {
  const { existing, host, requestTimeoutSeconds } = settings.edge;
  const set = Object.entries(securityHeaders(true)).map(([header, value]) => ({ name: header, value }));
  const headers =
    existing?.responseHeaders === false
      ? []
      : [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set, remove: ['server'] } }];
  const nowhere = {
    type: 'URLRewrite',
    urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: unknownHostPath } },
  };
  const route = (
    routeName: string,
    hostnames: readonly string[],
    filters: readonly object[],
    backend: { readonly name: string; readonly port: number },
  ): Manifest => ({
    apiVersion: gatewayApi,
    kind: 'HTTPRoute',
    metadata: metadata(settings, routeName, name),
    spec: {
      parentRefs: [{ name, sectionName: 'https' }],
      ...(hostnames.length > 0 ? { hostnames } : {}),
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          ...(filters.length > 0 ? { filters } : {}),
          backendRefs: [backend],
          // Traefik reads no time-outs of routes; those of its own configuration hold.
          ...(existing?.timeouts ? { timeouts: { request: `${requestTimeoutSeconds}s` } } : {}),
        },
      ],
    },
  });
  const api = { name: 'case-service', port: ports.api };
  const dashboards = grafanaHost(settings);
  // With limits at the edge all requests take routers of Traefik's file: a Gateway route can name no middleware of it.
  const isLimited = settings.app.limits === 'edge';
  return [
    ...(isLimited ? [] : [route('case-service', [host], headers, api)]),
    ...(existing?.pathRewrite === false || isLimited
      ? []
      : [route('catch-all', [], [...headers, nowhere], api)]),
    ...(existing ? [] : [readyRoute(settings)]),
    ...(dashboards ? [route('grafana', [dashboards], [], { name: 'grafana', port: ports.grafana })] : []),
  ];
}

/** Is served once the Gateway's routes and certificate are; a redirect to another host counts as success, and is not followed. */
function readyRoute(settings: Settings): Manifest {
  return {
    apiVersion: gatewayApi,
    kind: 'HTTPRoute',
    metadata: metadata(settings, 'edge-ready', name),
    spec: {
      parentRefs: [{ name, sectionName: 'https' }],
      hostnames: [settings.edge.host],
      rules: [
        {
          matches: [
            { path: { type: 'Exact', value: readyPath }, headers: [{ type: 'Exact', ...readyHeader }] },
          ],
          filters: [
            { type: 'RequestRedirect', requestRedirect: { hostname: 'ready.invalid', statusCode: 302 } },
          ],
        },
      ],
    },
  };
}

/** The hop to the pods is TLS too, and checked. */
function backendTls(settings: Settings): Manifest {
  const configMap = settings.tls.issuer === 'generated' ? 'authority' : settings.edge.existing?.caConfigMap;
  return {
    apiVersion: gatewayApi,
    kind: 'BackendTLSPolicy',
    metadata: metadata(settings, 'case-service', name),
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'case-service' }],
      validation: {
        hostname: 'case-service',
        caCertificateRefs: [
          {
            group: '',
            kind: configMap ? 'ConfigMap' : 'Secret',
            name: configMap ?? 'case-service-tls',
          },
        ],
      },
    },
  };
}
