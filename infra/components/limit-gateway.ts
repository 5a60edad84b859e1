import { ports } from '../../contract/ports.ts';
import type { Component, SecretSpec } from '../kubernetes/manifest.ts';
import { plainValue } from '../kubernetes/manifest.ts';
import { configMap, deployment, disruptionBudget, service, serviceAccount } from '../kubernetes/objects.ts';
import { podTemplate } from '../kubernetes/pod.ts';
import { imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';
import { gatewayEnvironment, type LimitGateway } from '../settings/limit-gateway.ts';
import { limitsOf } from '../settings/limits.ts';
import { redisAuthorityDirectory } from '../settings/service-environment.ts';
import { preStopSeconds, probes, redisAuthority } from './case-service.ts';
import { redisPassword } from './redis-client.ts';

const name = 'limit-gateway';

/** The limit gateway of `app.limits: edge`: Traefik asks it about every request of the app before it forwards the request. */
export function limitGateway(settings: Settings, gateway: LimitGateway): Component {
  const { app, redis } = settings;
  const config = { 'policies.json': `${JSON.stringify(limitsOf(settings), null, 2)}\n` };
  const environment = gatewayEnvironment(settings, gateway);
  const authority = redis.mode === 'external' ? redis.external?.ca : undefined;
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.caseService,
    spread: 'preferred',
    graceSeconds: preStopSeconds + app.drainSeconds + app.shutdownSeconds + 5,
    config: { config, environment, ...(authority ? { authority } : {}) },
    volumes: {
      config: { configMap: 'limit-gateway-config' },
      secrets: { secret: 'limit-gateway-secrets' },
      tls: { secret: 'limit-gateway-tls' },
      ...(authority ? { 'redis-authority': { configMap: redisAuthority } } : {}),
      tmp: { scratch: 32 },
    },
    containers: [
      {
        name,
        image: gateway.image,
        // In place of the image's command, whose entry point is node.
        args: ['--disable-proto=delete', 'app/main.ts', 'limit-gateway'],
        env: environment,
        ports: { api: ports.api, internal: ports.internal },
        mounts: {
          config: '/etc/limit-gateway',
          secrets: '/run/secrets/limit-gateway',
          tls: '/run/tls',
          ...(authority ? { 'redis-authority': redisAuthorityDirectory } : {}),
          tmp: '/tmp',
        },
        writable: ['tmp'],
        ...probes,
        preStop: { sleep: { seconds: preStopSeconds } },
        cpu: gateway.cpu,
        memory: gateway.memory,
      },
    ],
  });
  const host = (service: string) => `${service}.${settings.namespace}.svc`;
  return {
    name,
    after: ['namespace', 'network'],
    secrets: [secrets(settings)],
    certificates: [
      {
        name: 'limit-gateway-tls',
        component: name,
        issuer: 'internal',
        dnsNames: [name, host(name), host(`${name}-internal`), 'localhost'],
      },
    ],
    manifests: [
      serviceAccount(settings, name),
      configMap(settings, 'limit-gateway-config', name, config),
      deployment(settings, name, template, {
        replicas: gateway.replicas,
        minReadySeconds: 5,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      }),
      service(settings, { name, component: name, ports: { api: ports.api } }),
      service(settings, {
        name: 'limit-gateway-internal',
        component: name,
        ports: { internal: ports.internal },
        headless: true,
        unready: true,
      }),
      ...(gateway.replicas > 1 ? [disruptionBudget(settings, name, 1)] : []),
    ],
  };
}

/** The password of the limiter's Redis user, and the key by which users and addresses become keys of Redis. */
function secrets(settings: Settings): SecretSpec {
  const { mode, external } = settings.redis;
  const hasSentinel = mode === 'sentinel' || external?.sentinelPrimary !== undefined;
  return {
    name: 'limit-gateway-secrets',
    component: name,
    files: {
      'redis-limiter-password': redisPassword(settings, 'case-limiter'),
      ...(hasSentinel ? { 'redis-sentinel-password': redisPassword(settings, 'sentinel-client') } : {}),
      'pseudonym-key': plainValue('bytes/pseudonym-key'),
    },
  };
}
