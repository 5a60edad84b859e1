import { stringify } from 'yaml';
import { ports } from '../../contract/ports.ts';
import { collectorConfig, traceStoreConfig } from '../config/otel.ts';
import type { Component, Manifest } from '../kubernetes/manifest.ts';
import { configMap, deployment, service, serviceAccount, statefulSet } from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';

const collector = 'otel-collector';
const store = 'trace-store';
const healthPort = 13_133;
const tlsDirectory = '/run/tls';
const collectorMemory = 256;

/** Where spans go: a collector that samples them, and a store that Grafana reads. */
export function tracing(settings: Settings): Component {
  const own = !settings.tracing.external;
  return {
    name: 'tracing',
    after: ['namespace', 'network'],
    certificates: [collector, ...(own ? [store] : [])].map((name) => ({
      name: `${name}-tls`,
      component: name,
      issuer: 'internal',
      dnsNames: [name, `${name}.${settings.namespace}.svc`],
    })),
    manifests: [...collectorObjects(settings), ...(own ? storeObjects(settings) : [])],
  };
}

/** Where both listen: on IPv6, too, where the cluster has it. */
const bindTo = ({ cluster }: Pick<Settings, 'cluster'>) =>
  cluster.ipFamilies.includes('IPv6') ? { bind: '[::]' } : {};

function collectorObjects(settings: Settings): Manifest[] {
  const config = {
    'config.yaml': stringify(
      collectorConfig({
        otlpPort: ports.otlp,
        metricsPort: ports.collectorMetrics,
        healthPort,
        storeEndpoint:
          settings.tracing.external?.endpoint ?? `https://${store}.${settings.namespace}.svc:${ports.otlp}`,
        // A store of somebody else has a certificate that the system trusts.
        ...(settings.tracing.external ? {} : { storeAuthority: `${tlsDirectory}/ca.crt` }),
        tlsDirectory,
        memory: collectorMemory,
        ...bindTo(settings),
      }),
    ),
  };
  const health = { httpGet: { path: '/', port: healthPort } };
  const template = podTemplate(settings, {
    component: collector,
    user: imageUsers.otelCollector,
    config,
    volumes: { config: { configMap: 'otel-collector-config' }, tls: { secret: 'otel-collector-tls' } },
    containers: [
      {
        name: 'collector',
        image: imageOf(settings, 'otelCollector'),
        args: ['--config=/etc/otelcol-contrib/config.yaml'],
        ports: { otlp: ports.otlp, metrics: ports.collectorMetrics },
        mounts: { config: '/etc/otelcol-contrib', tls: tlsDirectory },
        readiness: { ...health, periodSeconds: 5 },
        liveness: { ...health, periodSeconds: 15, failureThreshold: 4 },
        cpu: 50,
        memory: collectorMemory,
      },
    ],
  });
  return [
    serviceAccount(settings, collector),
    configMap(settings, 'otel-collector-config', collector, config),
    deployment(settings, collector, template, {
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    }),
    service(settings, {
      name: collector,
      component: collector,
      ports: { otlp: ports.otlp, metrics: ports.collectorMetrics },
    }),
  ];
}

function storeObjects(settings: Settings): Manifest[] {
  const config = {
    'config.yaml': stringify(
      traceStoreConfig({
        otlpPort: ports.otlp,
        queryPort: ports.traceQuery,
        healthPort,
        tlsDirectory,
        dataDirectory: '/var/jaeger',
        retentionHours: settings.tracing.retentionHours,
        ...bindTo(settings),
      }),
    ),
  };
  const health = { httpGet: { path: '/status', port: healthPort } };
  const template = podTemplate(settings, {
    component: store,
    user: imageUsers.jaeger,
    config,
    volumes: {
      config: { configMap: 'trace-store-config' },
      tls: { secret: 'trace-store-tls' },
      tmp: { scratch: 64 },
    },
    containers: [
      {
        name: 'jaeger',
        image: imageOf(settings, 'jaeger'),
        args: ['--config=/etc/jaeger/config.yaml'],
        ports: { otlp: ports.otlp, query: ports.traceQuery },
        mounts: { config: '/etc/jaeger', tls: tlsDirectory, data: '/var/jaeger', tmp: '/tmp' },
        writable: ['data', 'tmp'],
        readiness: { ...health, periodSeconds: 5 },
        liveness: { ...health, periodSeconds: 15, failureThreshold: 4 },
        cpu: 100,
        memory: 512,
      },
    ],
  });
  return [
    serviceAccount(settings, store),
    configMap(settings, 'trace-store-config', store, config),
    statefulSet(settings, store, template, {
      replicas: 1,
      service: store,
      volumes: { data: settings.tracing.storage },
    }),
    service(settings, {
      name: store,
      component: store,
      ports: { otlp: ports.otlp, query: ports.traceQuery },
      headless: true,
    }),
  ];
}
