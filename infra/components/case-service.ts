import { metadata } from '../kubernetes/labels.ts';
import type { Manifest, Part, SecretFile, SecretSpec } from '../kubernetes/manifest.ts';
import { plainValue } from '../kubernetes/manifest.ts';
import { configMap, deployment, disruptionBudget, service, serviceAccount } from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { ports } from '../network/connections.ts';
import { imageUsers } from '../settings/images.ts';
import { mostReplicas, type Settings } from '../settings/index.ts';
import { limitsOf } from '../settings/limits.ts';
import { redisClientEnvironment, redisPassword } from './redis-client.ts';
import { dataKeysFile, tokenKeysFile, usersFile } from './secret-files.ts';

const name = 'case-service';
/** Endpoints are removed while the pod still answers: the time that takes to reach every proxy. */
const preStopSeconds = 5;

/** The case service: its pods, how they are found, scaled and drained, and what they read. */
export function caseService(settings: Settings): Part {
  const { app } = settings;
  const config = { 'policies.json': `${JSON.stringify(limitsOf(settings), null, 2)}\n` };
  const environment = environmentOf(settings);
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.caseService,
    spread: true,
    graceSeconds: preStopSeconds + app.drainSeconds + app.shutdownSeconds + 5,
    config: { config, environment },
    volumes: {
      config: { configMap: 'case-service-config' },
      secrets: { secret: 'case-service-secrets' },
      tls: { secret: 'case-service-tls' },
      tmp: { scratch: 32 },
    },
    containers: [
      {
        name,
        image: app.image,
        env: environment,
        ports: { api: ports.api, internal: ports.internal },
        mounts: {
          config: '/etc/case-service',
          secrets: '/run/secrets/case-service',
          tls: '/run/tls',
          tmp: '/tmp',
        },
        writable: ['tmp'],
        startup: { ...health('/health/startup'), periodSeconds: 1, failureThreshold: 120, timeoutSeconds: 2 },
        readiness: { ...health('/health/ready'), periodSeconds: 2, failureThreshold: 2, timeoutSeconds: 2 },
        liveness: { ...health('/health/live'), periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 5 },
        preStop: { sleep: { seconds: preStopSeconds } },
        cpu: app.cpu,
        memory: app.memory,
      },
    ],
  });
  return {
    name,
    after: ['namespace', 'network'],
    secrets: [secrets(settings)],
    certificates: [
      { name: 'case-service-tls', component: name, issuer: 'internal', dnsNames: names(settings) },
    ],
    manifests: [
      serviceAccount(settings, name),
      configMap(settings, 'case-service-config', name, config),
      deployment(settings, name, template, {
        ...(app.autoscaling ? {} : { replicas: app.replicas }),
        minReadySeconds: 5,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      }),
      service(settings, { name, component: name, ports: { api: ports.api } }),
      service(settings, {
        name: 'case-service-internal',
        component: name,
        ports: { internal: ports.internal },
        headless: true,
        unready: true,
      }),
      ...(app.minAvailable > 0 ? [disruptionBudget(settings, name, app.minAvailable)] : []),
      ...autoscaler(settings),
    ],
  };
}

const health = (path: string) => ({ httpGet: { path, port: 'internal', scheme: 'HTTPS' } });

function names(settings: Settings): string[] {
  return [
    name,
    `${name}.${settings.namespace}.svc`,
    `${name}-internal.${settings.namespace}.svc`,
    'localhost',
  ];
}

function environmentOf(settings: Settings): Record<string, string> {
  const { app, edge, tracing } = settings;
  return {
    ENVIRONMENT: settings.environment,
    SECRETS_DIR: '/run/secrets/case-service',
    TLS_DIR: '/run/tls',
    POLICIES_FILE: '/etc/case-service/policies.json',
    ...redisClientEnvironment(settings, '/run/tls/ca.crt'),
    TOKEN_ISSUER: `https://${edge.host}`,
    REPLICAS: String(mostReplicas(settings)),
    TRUSTED_PROXIES: settings.cluster.podCidrs.join(','),
    ALLOWED_ORIGINS: app.allowedOrigins.join(','),
    LOG_LEVEL: app.logLevel,
    DRAIN_SECONDS: String(app.drainSeconds),
    SHUTDOWN_SECONDS: String(app.shutdownSeconds),
    ...(tracing.enabled
      ? {
          OTEL_EXPORTER_OTLP_ENDPOINT: `https://otel-collector.${settings.namespace}.svc:${ports.otlp}`,
          OTEL_EXPORTER_OTLP_CERTIFICATE: '/run/tls/ca.crt',
          OTEL_TRACES_SAMPLER_ARG: String(tracing.sampleRatio),
        }
      : {}),
  };
}

function secrets(settings: Settings): SecretSpec {
  const { tokenKeys, dataKeys } = settings.secrets;
  const users = settings.app.users;
  const files: Record<string, SecretFile> = {
    'redis-data-password': redisPassword(settings, 'case-data'),
    'redis-limiter-password': redisPassword(settings, 'case-limiter'),
    ...(settings.redis.mode === 'sentinel'
      ? { 'redis-sentinel-password': redisPassword(settings, 'sentinel-client') }
      : {}),
    'token-keys.json': {
      from: tokenKeys.accepted.map((id) => `bytes/token-key/${id}`),
      write: (...seeds) => tokenKeysFile(tokenKeys, seeds),
    },
    'data-keys.json': {
      from: dataKeys.accepted.map((id) => `bytes/data-key/${id}`),
      write: (...keys) => dataKeysFile(dataKeys, keys),
    },
    'csrf-key': plainValue('bytes/csrf-key'),
    'pseudonym-key': plainValue('bytes/pseudonym-key'),
    ...(users.length > 0
      ? {
          'users.json': {
            from: users.map(({ email }) => `password/user/${email}`),
            write: (...passwords: string[]) => usersFile(users, passwords),
          },
        }
      : {}),
  };
  return { name: 'case-service-secrets', component: name, files };
}

function autoscaler(settings: Settings): Manifest[] {
  const { autoscaling, replicas } = settings.app;
  if (!autoscaling) return [];
  return [
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: metadata(settings, name, name),
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
        minReplicas: replicas,
        maxReplicas: autoscaling.maxReplicas,
        metrics: [
          {
            type: 'Resource',
            resource: {
              name: 'cpu',
              target: { type: 'Utilization', averageUtilization: autoscaling.cpuPercent },
            },
          },
        ],
        behavior: {
          scaleDown: {
            stabilizationWindowSeconds: 300,
            policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
          },
        },
      },
    },
  ];
}
