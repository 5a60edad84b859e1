import { ports } from '../../contract/ports.ts';
import { lastBackupKey } from '../config/backup.ts';
import type { Component } from '../kubernetes/manifest.ts';
import { deployment, service, serviceAccount } from '../kubernetes/objects.ts';
import { type ContainerInput, podTemplate } from '../kubernetes/pod.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';
import { redisAuthorityDirectory } from '../settings/service-environment.ts';
import { redisAuthority } from './case-service.ts';
import { passwordKey } from './redis-client.ts';

const name = 'redis-exporter';
const secretsDirectory = '/run/secrets/exporter';

/** Metrics of a Redis that somebody else runs; a managed one has its exporter beside it in the pod. */
export function redisExporter(settings: Settings): Component {
  const external = settings.redis.external as NonNullable<Settings['redis']['external']>;
  const { authentication, ca, cluster, users } = external;
  const server = `rediss://${external.servers[0]}`;
  const user = authentication === 'users' ? users.exporter : undefined;
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.redisExporter,
    ...(ca ? { config: { ca } } : {}),
    volumes: {
      exporter: { secret: 'redis-exporter-secrets' },
      ...(ca ? { 'redis-authority': { configMap: redisAuthority } } : {}),
    },
    containers: [
      {
        ...exporterContainer(settings),
        env: {
          REDIS_ADDR: server,
          ...(user ? { REDIS_USER: user } : {}),
          REDIS_PASSWORD_FILE: `${secretsDirectory}/exporter-password.json`,
          ...(ca ? { REDIS_EXPORTER_TLS_CA_CERT_FILE: `${redisAuthorityDirectory}/ca.crt` } : {}),
          ...(cluster ? { REDIS_EXPORTER_IS_CLUSTER: 'true' } : {}),
          // Managed services refuse CONFIG.
          REDIS_EXPORTER_CONFIG_COMMAND: '-',
          REDIS_EXPORTER_WEB_LISTEN_ADDRESS: `:${ports.exporter}`,
        },
        mounts: {
          exporter: secretsDirectory,
          ...(ca ? { 'redis-authority': redisAuthorityDirectory } : {}),
        },
      },
    ],
  });
  return {
    name,
    after: ['namespace', 'network', 'case-service'],
    secrets: [
      {
        name: 'redis-exporter-secrets',
        component: name,
        files: {
          'exporter-password.json': {
            from: [passwordKey(settings, 'exporter')],
            write: (password) =>
              JSON.stringify({
                [server]: password,
                ...(user ? { [server.replace('://', `://${user}@`)]: password } : {}),
              }),
          },
        },
      },
    ],
    manifests: [
      serviceAccount(settings, name),
      deployment(settings, name, template, { replicas: 1 }),
      service(settings, { name, component: name, ports: { exporter: ports.exporter }, headless: true }),
    ],
  };
}

/** The exporter of a managed server, in the server's own pod. */
export function exporterContainer(settings: Pick<Settings, 'images' | 'registryMirror'>): ContainerInput {
  const tlsDirectory = '/run/tls';
  return {
    name: 'exporter',
    image: imageOf(settings, 'redisExporter'),
    env: {
      REDIS_ADDR: `rediss://localhost:${ports.redis}`,
      REDIS_USER: 'exporter',
      REDIS_PASSWORD_FILE: `${secretsDirectory}/exporter-password.json`,
      REDIS_EXPORTER_TLS_CA_CERT_FILE: `${tlsDirectory}/ca.crt`,
      REDIS_EXPORTER_CHECK_SINGLE_KEYS: lastBackupKey,
      REDIS_EXPORTER_WEB_LISTEN_ADDRESS: `:${ports.exporter}`,
    },
    ports: { exporter: ports.exporter },
    mounts: { exporter: secretsDirectory, tls: tlsDirectory },
    // Reads the password file again and answers as /health does: the exporter has no other way to notice a rotation.
    readiness: { httpGet: { path: '/-/reload', port: 'exporter' }, periodSeconds: 10 },
    liveness: { httpGet: { path: '/health', port: 'exporter' }, periodSeconds: 30 },
    cpu: 20,
    memory: 64,
  };
}
