import { stringify } from 'yaml';
import { ports } from '../../contract/ports.ts';
import { securityHeaders } from '../../contract/response-headers.ts';
import { traefikDynamic, traefikStatic } from '../config/traefik.ts';
import { clusterWide, labels, metadata } from '../kubernetes/labels.ts';
import type { Component, Manifest } from '../kubernetes/manifest.ts';
import {
  autoscaler,
  configMap,
  deployment,
  disruptionBudget,
  service,
  serviceAccount,
} from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';
import { limitGatewayOf } from '../settings/limit-gateway.ts';
import { gatewayObjects, grafanaHost, readyHeader, readyPath, unknownHostPath } from './edge-routes.ts';
import { edgeService } from './edge-service.ts';

const name = 'edge';
const dynamicDirectory = '/etc/traefik-dynamic';

/** Where clients come in: a Gateway with one TLS listener, routes to the service, and Traefik where it is ours. */
export function edge(settings: Settings): Component {
  const { controller, gatewayApi, host } = settings.edge;
  const managed = controller === 'traefik';
  const dashboards = grafanaHost(settings);
  return {
    name,
    after: ['namespace', 'network', 'case-service', ...(limitGatewayOf(settings) ? ['limit-gateway'] : [])],
    certificates: [
      {
        name: 'edge-tls',
        component: name,
        issuer: 'edge',
        dnsNames: [host, ...(dashboards ? [dashboards] : [])],
      },
    ],
    trusts: true,
    manifests: [
      ...(managed && !gatewayApi ? [] : gatewayObjects(settings)),
      ...(managed ? traefik(settings) : []),
    ],
  };
}

function traefik(settings: Settings): Manifest[] {
  const { replicas, autoscaling, gatewayApi, requestTimeoutSeconds, host, cpu, memory } = settings.edge;
  const files = {
    static: { 'traefik.yml': staticFile(settings) },
    dynamic: { 'dynamic.yml': dynamicFile(settings) },
  };
  const ping = { httpGet: { path: '/ping', port: 'metrics' } };
  // Traefik answers pings before it has read its routes and the certificate of their listener.
  const routed = {
    httpGet: {
      path: readyPath,
      port: 'https',
      scheme: 'HTTPS',
      httpHeaders: [{ name: 'Host', value: host }, readyHeader],
    },
  };
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.traefik,
    apiAccess: gatewayApi,
    spread: 'preferred',
    graceSeconds: requestTimeoutSeconds + 15,
    config: files,
    volumes: {
      config: { configMap: 'edge-config' },
      dynamic: {
        projected: [
          { configMap: 'edge-routes' },
          ...(gatewayApi ? [] : [{ secret: 'edge-tls', only: ['tls.crt', 'tls.key'] }]),
        ],
      },
      tls: { secret: 'case-service-tls', only: ['ca.crt'] },
      tmp: { scratch: 16 },
    },
    containers: [
      {
        name: 'traefik',
        image: imageOf(settings, 'traefik'),
        args: ['--configFile=/etc/traefik/traefik.yml'],
        ports: { https: ports.https, metrics: ports.edgeMetrics },
        mounts: { config: '/etc/traefik', dynamic: dynamicDirectory, tls: '/run/tls', tmp: '/tmp' },
        writable: ['tmp'],
        startup: { ...ping, periodSeconds: 1, failureThreshold: 60 },
        readiness: { ...(gatewayApi ? routed : ping), periodSeconds: 5, timeoutSeconds: 3 },
        liveness: { ...ping, periodSeconds: 10, failureThreshold: 5 },
        preStop: { sleep: { seconds: 5 } },
        cpu,
        memory,
      },
    ],
  });
  return [
    ...(gatewayApi ? access(settings) : [serviceAccount(settings, name)]),
    configMap(settings, 'edge-config', name, files.static),
    configMap(settings, 'edge-routes', name, files.dynamic),
    deployment(settings, name, template, {
      ...(autoscaling ? {} : { replicas }),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    }),
    edgeService(settings),
    service(settings, {
      name: 'edge-metrics',
      component: name,
      ports: { metrics: ports.edgeMetrics },
      headless: true,
    }),
    ...(replicas > 1 ? [disruptionBudget(settings, name, 1)] : []),
    ...(autoscaling ? [autoscaler(settings, name, { minReplicas: replicas, ...autoscaling })] : []),
  ];
}

function staticFile(settings: Settings): string {
  const { namespace, edge: input } = settings;
  return stringify(
    traefikStatic({
      ...(input.gatewayApi
        ? {
            gateway: {
              namespace,
              labelSelector: `app.kubernetes.io/instance=${namespace}`,
              service: name,
            },
          }
        : {}),
      dynamicDirectory,
      proxyProtocolCidrs: input.proxyProtocol.trustedCidrs,
      trustedForwarders: input.trustedForwarders,
      httpsPort: ports.https,
      metricsPort: ports.edgeMetrics,
      requestTimeoutSeconds: input.requestTimeoutSeconds,
      graceSeconds: input.requestTimeoutSeconds,
    }),
  );
}

function dynamicFile(settings: Settings): string {
  const { namespace, edge: input } = settings;
  const dashboards = grafanaHost(settings);
  return stringify(
    traefikDynamic({
      service: `https://case-service.${namespace}.svc:${ports.api}`,
      authorityFile: '/run/tls/ca.crt',
      unknownHostPath,
      host: input.host,
      headers: securityHeaders(true),
      maxBodyBytes: input.maxBodyKib * 1_024,
      requestTimeoutSeconds: input.requestTimeoutSeconds,
      ...(limitGatewayOf(settings)
        ? {
            limitGateway: `https://limit-gateway.${namespace}.svc:${ports.api}/verify`,
            hasForwarders: input.trustedForwarders.length > 0,
          }
        : {}),
      ...(dashboards
        ? { grafana: { host: dashboards, url: `http://grafana.${namespace}.svc:${ports.grafana}` } }
        : {}),
      ...(input.gatewayApi ? {} : { certificateDirectory: dynamicDirectory }),
    }),
  );
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
