import { ports } from '../../contract/ports.ts';
import type { Component, SecretFile, SecretSpec } from '../kubernetes/manifest.ts';
import { plainValue } from '../kubernetes/manifest.ts';
import {
  autoscaler,
  configMap,
  deployment,
  disruptionBudget,
  service,
  serviceAccount,
} from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';
import { limitsOf } from '../settings/limits.ts';
import { redisAuthorityDirectory, serviceEnvironment } from '../settings/service-environment.ts';
import { redisPassword } from './redis-client.ts';
import { dataKeysFile, tokenKeysFile, usersFile } from './secret-files.ts';

const name = 'case-service';
/** The ConfigMap with the authority of a Redis that somebody else runs. */
export const redisAuthority = 'redis-authority';
/** Endpoints are removed while the pod still answers: the time that takes to reach every proxy. */
export const preStopSeconds = 5;
const health = (path: string) => ({ httpGet: { path, port: 'internal', scheme: 'HTTPS' } });
/** Probes of the image, in both of its roles. */
export const probes = {
  startup: { ...health('/health/startup'), periodSeconds: 1, failureThreshold: 120, timeoutSeconds: 2 },
  readiness: { ...health('/health/ready'), periodSeconds: 2, failureThreshold: 2, timeoutSeconds: 2 },
  liveness: { ...health('/health/live'), periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 5 },
};

/** The case service: its pods, how they are found, scaled and drained, and what they read. */
export function caseService(settings: Settings): Component {
  const { app, redis } = settings;
  const authority = redis.mode === 'external' ? redis.external?.ca : undefined;
  const config =
    app.limits === 'service'
      ? { 'policies.json': `${JSON.stringify(limitsOf(settings), null, 2)}\n` }
      : undefined;
  const environment = serviceEnvironment(settings);
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.caseService,
    spread: 'preferred',
    graceSeconds: preStopSeconds + app.drainSeconds + app.shutdownSeconds + 5,
    config: { ...(config ? { config } : {}), environment, ...(authority ? { authority } : {}) },
    volumes: {
      ...(config ? { config: { configMap: 'case-service-config' } } : {}),
      secrets: { secret: 'case-service-secrets' },
      tls: { secret: 'case-service-tls' },
      ...(authority ? { 'redis-authority': { configMap: redisAuthority } } : {}),
      tmp: { scratch: 32 },
    },
    containers: [
      {
        name,
        image: app.image,
        env: environment,
        ports: { api: ports.api, internal: ports.internal },
        mounts: {
          ...(config ? { config: '/etc/case-service' } : {}),
          secrets: '/run/secrets/case-service',
          tls: '/run/tls',
          ...(authority ? { 'redis-authority': redisAuthorityDirectory } : {}),
          tmp: '/tmp',
        },
        writable: ['tmp'],
        ...probes,
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
      ...(config ? [configMap(settings, 'case-service-config', name, config)] : []),
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
      ...(app.autoscaling
        ? [autoscaler(settings, name, { minReplicas: app.replicas, ...app.autoscaling })]
        : []),
      ...(authority ? [configMap(settings, redisAuthority, 'redis', { 'ca.crt': authority })] : []),
    ],
  };
}

function names(settings: Settings): string[] {
  return [
    name,
    `${name}.${settings.namespace}.svc`,
    `${name}-internal.${settings.namespace}.svc`,
    'localhost',
  ];
}

function secrets(settings: Settings): SecretSpec {
  const { tokenKeys, dataKeys } = settings.secrets;
  const { users, limits } = settings.app;
  const files: Record<string, SecretFile> = {
    'redis-data-password': redisPassword(settings, 'case-data'),
    ...(limits === 'service' ? { 'redis-limiter-password': redisPassword(settings, 'case-limiter') } : {}),
    ...(serviceEnvironment(settings).REDIS_MODE === 'sentinel'
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
