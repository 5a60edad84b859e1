import { ports } from '../../contract/ports.ts';
import { aclFile, redisConf, redisUsers } from '../config/redis.ts';
import { reloadScript } from '../config/redis-reload.ts';
import {
  readyScript,
  redisScript,
  type SentinelInput,
  sentinelAcl,
  sentinelConf,
  sentinelScript,
  stopScript,
} from '../config/sentinel.ts';
import type { Component, SecretSpec } from '../kubernetes/manifest.ts';
import { configMap, disruptionBudget, service, serviceAccount, statefulSet } from '../kubernetes/objects.ts';
import { type ContainerInput, podTemplate } from '../kubernetes/pod.ts';
import { imageOf, imageUsers } from '../settings/images.ts';
import type { Settings } from '../settings/index.ts';
import { primaryName, redisHosts, sentinelServers } from '../settings/service-environment.ts';
import { passwordKey, redisPassword } from './redis-client.ts';
import { exporterContainer } from './redis-exporter.ts';

const name = 'redis';
const tlsDirectory = '/run/tls';
const secretsDirectory = '/run/secrets/redis';
const dataDirectory = '/data';
const runDirectory = '/run/redis';
/**
 * Sentinels take a server that came back for one that is down for up to 15 seconds more, and leave it out of a failover: the
 * next primary would then be alone, and take no writes. Within 20 seconds of a failover they begin no other by themselves.
 */
const sentinelSettleSeconds = 30;

/** The store: one server, or three that follow one primary with a Sentinel beside each. */
export function redis(settings: Settings): Component {
  const sentinel = settings.redis.mode === 'sentinel';
  const config = files(settings);
  const template = podTemplate(settings, {
    component: name,
    user: imageUsers.redis,
    ...(sentinel ? { spread: 'required' as const } : {}),
    graceSeconds: 60,
    config,
    volumes: {
      config: { configMap: 'redis-config' },
      secrets: { secret: 'redis-secrets' },
      exporter: { secret: 'redis-secrets', only: ['exporter-password.json'] },
      tls: { secret: 'redis-tls' },
      run: { scratch: 8, inMemory: true },
      tmp: { scratch: 16 },
    },
    containers: [
      server(settings),
      ...(sentinel ? [sentinelContainer(settings)] : []),
      exporterContainer(settings),
      reloader(settings),
    ],
  });
  return {
    name,
    after: ['namespace', 'network'],
    secrets: [secrets(settings)],
    certificates: [{ name: 'redis-tls', component: name, issuer: 'internal', dnsNames: dnsNames(settings) }],
    manifests: [
      serviceAccount(settings, name),
      configMap(settings, 'redis-config', name, config),
      statefulSet(settings, name, template, {
        replicas: sentinel ? sentinelServers : 1,
        service: name,
        volumes: { data: settings.redis.storage },
        ...(sentinel ? { minReadySeconds: sentinelSettleSeconds } : {}),
      }),
      service(settings, {
        name,
        component: name,
        ports: { redis: ports.redis, ...(sentinel ? { sentinel: ports.sentinel } : {}) },
        headless: true,
        // Servers and Sentinels must find each other before any of them is ready.
        unready: true,
      }),
      service(settings, {
        name: 'redis-exporter',
        component: name,
        ports: { exporter: ports.exporter },
        headless: true,
        unready: true,
      }),
      ...(sentinel ? [disruptionBudget(settings, name, sentinelServers - 1)] : []),
    ],
  };
}

/** What the scripts of mode `sentinel` need to know. */
export function sentinelInput(settings: Settings): SentinelInput {
  return {
    primaryName,
    hosts: redisHosts(settings),
    domain: `${name}.${settings.namespace}.svc`,
    redisPort: ports.redis,
    sentinelPort: ports.sentinel,
    quorum: Math.floor(sentinelServers / 2) + 1,
    downAfterMilliseconds: settings.redis.downAfterMilliseconds,
    tlsDirectory,
    secretsDirectory,
    dataDirectory,
    runDirectory,
  };
}

function files(settings: Settings): Record<string, string> {
  const { mode, maxmemory, maxclients } = settings.redis;
  const input = sentinelInput(settings);
  return {
    'redis.conf': redisConf({
      port: ports.redis,
      tlsDirectory,
      aclFile: `${secretsDirectory}/users.acl`,
      dataDirectory,
      maxmemoryMegabytes: maxmemory,
      maxclients,
      sentinel: mode === 'sentinel',
    }),
    'reload.sh': reloadScript({
      servers: [
        { port: ports.redis, acl: 'users.acl' },
        ...(mode === 'sentinel' ? [{ port: ports.sentinel, acl: 'sentinel.acl' }] : []),
      ],
      tlsDirectory,
      secretsDirectory,
      ...(mode === 'sentinel' ? { primaryName } : {}),
      seconds: 5,
    }),
    ...(mode === 'sentinel'
      ? {
          'redis.sh': redisScript(input),
          'ready.sh': readyScript(input),
          'stop.sh': stopScript(input),
          'sentinel.conf': sentinelConf(input),
          'sentinel.sh': sentinelScript(input),
        }
      : {}),
  };
}

const mounts = { config: '/etc/redis', secrets: secretsDirectory, tls: tlsDirectory, tmp: '/tmp' };

function server(settings: Settings): ContainerInput {
  const { maxmemory, mode } = settings.redis;
  const sentinel = mode === 'sentinel';
  const answer = `REDISCLI_AUTH="$(cat ${secretsDirectory}/probe-password)" redis-cli --no-auth-warning --tls --cacert ${tlsDirectory}/ca.crt --user probe -p ${ports.redis} ping`;
  const probe = { exec: { command: ['sh', '-c', `[ "$(${answer})" = PONG ]`] }, timeoutSeconds: 3 };
  // A server that loads its data is alive: after a restart, and each time a replica fetches all of it.
  const alive = {
    exec: { command: ['sh', '-c', `case "$(${answer})" in PONG|*LOADING*) ;; *) exit 1;; esac`] },
    timeoutSeconds: 3,
  };
  return {
    name,
    image: imageOf(settings, 'redis'),
    command: sentinel ? ['sh', '/etc/redis/redis.sh'] : ['redis-server', '/etc/redis/redis.conf'],
    ports: { redis: ports.redis },
    mounts: { ...mounts, data: dataDirectory, run: runDirectory },
    writable: ['data', 'run', 'tmp'],
    startup: { ...alive, periodSeconds: 2, failureThreshold: startFailures(maxmemory) },
    readiness: {
      ...probe,
      ...(sentinel ? { exec: { command: ['sh', '/etc/redis/ready.sh'] } } : {}),
      periodSeconds: 5,
    },
    liveness: { ...alive, periodSeconds: 15, failureThreshold: 4 },
    ...(sentinel ? { preStop: { exec: { command: ['sh', '/etc/redis/stop.sh'] } } } : {}),
    cpu: 200,
    // Copy-on-write while the append-only file is rewritten, and buffers of replicas and clients.
    memory: Math.ceil(maxmemory * 1.5) + 64,
  };
}

/** Probes of two seconds each until a server must answer: five minutes, and more for data that load at 20 MiB a second. */
const startFailures = (maxmemory: number): number => Math.max(150, Math.ceil(maxmemory / 20 / 2) + 60);

function sentinelContainer(settings: Settings): ContainerInput {
  const ping = `[ "$(REDISCLI_AUTH="$(cat ${secretsDirectory}/sentinel-client-password)" redis-cli --no-auth-warning --tls --cacert ${tlsDirectory}/ca.crt --user sentinel -p ${ports.sentinel} ping)" = PONG ]`;
  const probe = { exec: { command: ['sh', '-c', ping] }, timeoutSeconds: 3 };
  return {
    name: 'sentinel',
    image: imageOf(settings, 'redis'),
    command: ['sh', '/etc/redis/sentinel.sh'],
    ports: { sentinel: ports.sentinel },
    mounts: { ...mounts, data: dataDirectory, run: runDirectory },
    writable: ['data', 'run', 'tmp'],
    startup: { ...probe, periodSeconds: 2, failureThreshold: 150 },
    readiness: { ...probe, periodSeconds: 5 },
    liveness: { ...probe, periodSeconds: 15, failureThreshold: 4 },
    cpu: 50,
    memory: 64,
  };
}

function reloader(settings: Settings): ContainerInput {
  return {
    name: 'reloader',
    image: imageOf(settings, 'redis'),
    command: ['sh', '/etc/redis/reload.sh'],
    mounts,
    writable: ['tmp'],
    cpu: 10,
    memory: 32,
  };
}

function dnsNames(settings: Settings): string[] {
  const host = `${name}.${settings.namespace}.svc`;
  return [host, `*.${host}`, name, 'localhost'];
}

function secrets(settings: Settings): SecretSpec {
  const { accepted } = settings.secrets.redisPasswords;
  const users = redisUsers.filter((user) => user !== 'case-limiter' || settings.app.limits !== 'none');
  const generations = (user: string) => accepted.map((generation) => passwordKey(settings, user, generation));
  return {
    name: 'redis-secrets',
    component: name,
    files: {
      'users.acl': {
        from: users.flatMap(generations),
        write: (...passwords) =>
          aclFile(
            Object.fromEntries(
              users.map((user, index) => [
                user,
                passwords.slice(index * accepted.length, (index + 1) * accepted.length),
              ]),
            ),
          ),
      },
      'probe-password': redisPassword(settings, 'probe'),
      'reloader-password': redisPassword(settings, 'reloader'),
      // The exporter reads a map from server to password.
      'exporter-password.json': {
        from: [passwordKey(settings, 'exporter')],
        write: (password) =>
          JSON.stringify({
            [`rediss://exporter@localhost:${ports.redis}`]: password,
            [`rediss://localhost:${ports.redis}`]: password,
            ...(settings.redis.mode === 'sentinel'
              ? {
                  [`rediss://exporter@localhost:${ports.sentinel}`]: password,
                  [`rediss://localhost:${ports.sentinel}`]: password,
                }
              : {}),
          }),
      },
      ...(settings.redis.mode === 'sentinel'
        ? {
            'sentinel.acl': {
              from: ['sentinel-client', 'reloader', 'exporter'].flatMap(generations),
              write: (...passwords: string[]) =>
                sentinelAcl({
                  sentinel: passwords.slice(0, accepted.length),
                  reloader: passwords.slice(accepted.length, 2 * accepted.length),
                  exporter: passwords.slice(2 * accepted.length),
                }),
            },
            'replication-password': redisPassword(settings, 'replication'),
            'sentinel-password': redisPassword(settings, 'sentinel'),
            'sentinel-client-password': redisPassword(settings, 'sentinel-client'),
          }
        : {}),
    },
  };
}
