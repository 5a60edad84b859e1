import { stringify } from 'yaml';
import { securityHeaders } from '../../contract/response-headers.ts';
import { traefikDynamic, traefikStatic } from '../config/traefik.ts';
import { clusterWide, labels, metadata } from '../kubernetes/labels.ts';
import type { Manifest, Part } from '../kubernetes/manifest.ts';
import { configMap, deployment, disruptionBudget, service, serviceAccount } from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { ports } from '../network/connections.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';

const name = 'edge';
const unknownHostPath = '/unknown-host';
const gatewayApi = 'gateway.networking.k8s.io/v1';

/** Where clients come in: a Gateway with one TLS listener, routes to the service, and Traefik where it is ours. */
export function edge(settings: Settings): Part {
  const own = settings.edge.controller === 'traefik';
  return {
    name,
    after: ['namespace', 'network', 'case-service'],
    certificates: [{ name: 'edge-tls', component: name, issuer: 'edge', dnsNames: [settings.edge.host] }],
    trusts: true,
    manifests: [
      gateway(settings),
      ...routes(settings),
      backendTls(settings),
      ...(own ? traefik(settings) : []),
    ],
  };
}

function gateway(settings: Settings): Manifest {
  const { controller, existing } = settings.edge;
  return {
    apiVersion: gatewayApi,
    kind: 'Gateway',
    metadata: metadata(settings, name, name),
    spec: {
      gatewayClassName: controller === 'traefik' ? clusterWide(settings, name) : existing?.gatewayClass,
      listeners: [
        {
          name: 'https',
          protocol: 'HTTPS',
          // Traefik wants its own port here; others open what is asked for.
          port: controller === 'traefik' ? ports.https : 443,
          tls: { mode: 'Terminate', certificateRefs: [{ kind: 'Secret', name: 'edge-tls' }] },
          allowedRoutes: { namespaces: { from: 'Same' }, kinds: [{ kind: 'HTTPRoute' }] },
        },
      ],
    },
  };
}

/**
 * Every path of the host goes to the service, and so does every other host, there to a path that does not exist: an
 * unknown path or host gets the service's own 404, with its headers. The filter repeats the headers for controllers
 * that are not ours; `set` does not double them.
 */
function routes(settings: Settings): Manifest[] {
  const set = Object.entries(securityHeaders(true)).map(([header, value]) => ({ name: header, value }));
  const headers = { type: 'ResponseHeaderModifier', responseHeaderModifier: { set, remove: ['server'] } };
  const nowhere = {
    type: 'URLRewrite',
    urlRewrite: { path: { type: 'ReplaceFullPath', replaceFullPath: unknownHostPath } },
  };
  const route = (routeName: string, hostnames: readonly string[], filters: readonly object[]): Manifest => ({
    apiVersion: gatewayApi,
    kind: 'HTTPRoute',
    metadata: metadata(settings, routeName, name),
    spec: {
      parentRefs: [{ name, sectionName: 'https' }],
      ...(hostnames.length > 0 ? { hostnames } : {}),
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          filters,
          backendRefs: [{ name: 'case-service', port: ports.api }],
          timeouts: { request: `${settings.edge.requestTimeoutSeconds}s` },
        },
      ],
    },
  });
  return [route('case-service', [settings.edge.host], [headers]), route('catch-all', [], [headers, nowhere])];
}

/** The hop to the pods is TLS too, and checked. */
function backendTls(settings: Settings): Manifest {
  const generated = settings.tls.issuer === 'generated';
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
            kind: generated ? 'ConfigMap' : 'Secret',
            name: generated ? 'authority' : 'case-service-tls',
          },
        ],
      },
    },
  };
}

function traefik(settings: Settings): Manifest[] {
  const config = {
    'traefik.yml': stringify(
      traefikStatic({
        namespace: settings.namespace,
        labelSelector: `app.kubernetes.io/instance=${settings.namespace}`,
        httpsPort: ports.https,
        metricsPort: ports.edgeMetrics,
        requestTimeoutSeconds: settings.edge.requestTimeoutSeconds,
        graceSeconds: settings.edge.requestTimeoutSeconds,
        service: name,
      }),
    ),
    'dynamic.yml': stringify(
      traefikDynamic({
        service: `https://case-service.${settings.namespace}.svc:${ports.api}`,
        authorityFile: '/run/tls/ca.crt',
        unknownHostPath,
        host: settings.edge.host,
        headers: securityHeaders(true),
        maxBodyBytes: settings.edge.maxBodyKib * 1_024,
      }),
    ),
  };
  const ping = { httpGet: { path: '/ping', port: 'metrics' } };
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.traefik,
    apiAccess: true,
    spread: true,
    graceSeconds: settings.edge.requestTimeoutSeconds + 15,
    config,
    volumes: {
      config: { configMap: 'edge-config' },
      tls: { secret: 'case-service-tls', only: ['ca.crt'] },
      tmp: { scratch: 16 },
    },
    containers: [
      {
        name: 'traefik',
        image: imageOf(settings.images, 'traefik'),
        args: ['--configFile=/etc/traefik/traefik.yml'],
        ports: { https: ports.https, metrics: ports.edgeMetrics },
        mounts: { config: '/etc/traefik', tls: '/run/tls', tmp: '/tmp' },
        writable: ['tmp'],
        startup: { ...ping, periodSeconds: 1, failureThreshold: 60 },
        readiness: { ...ping, periodSeconds: 5 },
        liveness: { ...ping, periodSeconds: 10, failureThreshold: 5 },
        preStop: { sleep: { seconds: 5 } },
        cpu: 100,
        memory: 128,
      },
    ],
  });
  const { serviceType, nodePort, replicas } = settings.edge;
  return [
    ...access(settings),
    configMap(settings, 'edge-config', name, config),
    deployment(settings, name, template, {
      replicas,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    }),
    service(settings, {
      name,
      component: name,
      ports: { https: 443 },
      spec: {
        type: serviceType,
        // Keeps the client's address, which the per-address limit counts by.
        ...(serviceType === 'ClusterIP' ? {} : { externalTrafficPolicy: 'Local' }),
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
    }),
    service(settings, {
      name: 'edge-metrics',
      component: name,
      ports: { metrics: ports.edgeMetrics },
      headless: true,
    }),
    ...(replicas > 1 ? [disruptionBudget(settings, name, 1)] : []),
    {
      apiVersion: gatewayApi,
      kind: 'GatewayClass',
      metadata: { name: clusterWide(settings, name), labels: labels(settings, name) },
      spec: { controllerName: 'traefik.io/gateway-controller' },
    },
  ];
}

/** Traefik reads routes, Services and the certificate of its own namespace, and writes their status; no more. */
function access(settings: Settings): Manifest[] {
  const read = ['get', 'list', 'watch'];
  const account = { kind: 'ServiceAccount', name, namespace: settings.namespace };
  const group = 'gateway.networking.k8s.io';
  const rbac = 'rbac.authorization.k8s.io';
  const wide = { name: clusterWide(settings, name), labels: labels(settings, name) };
  const narrow = metadata(settings, name, name);
  return [
    serviceAccount(settings, name),
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: wide,
      rules: [
        { apiGroups: [group], resources: ['gatewayclasses'], verbs: read },
        { apiGroups: [group], resources: ['gatewayclasses/status'], verbs: ['update'] },
        { apiGroups: [''], resources: ['namespaces'], verbs: read },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: wide,
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: wide.name },
      subjects: [account],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: narrow,
      rules: [
        { apiGroups: [''], resources: ['services', 'configmaps', 'pods'], verbs: read },
        { apiGroups: [''], resources: ['secrets'], verbs: read },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
        {
          apiGroups: [group],
          resources: [
            'gateways',
            'httproutes',
            'grpcroutes',
            'referencegrants',
            'backendtlspolicies',
            'listenersets',
            'tlsroutes',
          ],
          verbs: read,
        },
        {
          apiGroups: [group],
          resources: [
            'gateways/status',
            'httproutes/status',
            'grpcroutes/status',
            'backendtlspolicies/status',
            'listenersets/status',
            'tlsroutes/status',
          ],
          verbs: ['update'],
        },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: narrow,
      roleRef: { apiGroup: rbac, kind: 'Role', name },
      subjects: [account],
    },
  ];
}
