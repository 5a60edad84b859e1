import { join } from 'node:path';
import { answers } from './http.ts';
import { type Ports, paths, root } from './layout.ts';
import type { Component } from './processes.ts';
import { redisAnswers } from './redis-ready.ts';
import type { ProvidedServers, ServerName } from './servers.ts';

/** Variables of the shell that every component gets; no others, so that a shell does not change how the stack runs. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'DOCKER_HOST', 'XDG_RUNTIME_DIR'];

/**
 * Returns the components in the order in which they start.
 * @param service settings of the service beside those that every stack has, such as `POLICIES_FILE`
 * @param external command or URL of another service; the replicas are then limit gateways in front of it
 */
export function componentsOf(
  ports: Ports,
  provided: ProvidedServers,
  service: Readonly<Record<string, string>>,
  external?: string,
): Component[] {
  const host = Object.fromEntries(
    inherited.flatMap((name) => (process.env[name] ? [[name, String(process.env[name])]] : [])),
  );
  const server = (
    name: ServerName,
    args: readonly string[],
    isReady: Component['isReady'],
    graceMs = 5_000,
  ): Component[] => {
    const found = provided[name];
    if (found === undefined) return [];
    return [
      {
        name,
        command: [...found.command, ...args],
        ...(found.clear ? { clear: found.clear } : {}),
        env: host,
        logFile: paths.log(name),
        isReady,
        graceMs,
      },
    ];
  };
  const redisConfig = paths.config('redis');
  const prometheusConfig = paths.config('prometheus');
  const grafanaConfig = paths.config('grafana');
  return [
    ...server('redis', [join(redisConfig, 'redis.conf')], redisAnswers(ports.redis), 10_000),
    ...server(
      'exporter',
      [
        `--redis.addr=rediss://localhost:${ports.redis}`,
        '--redis.user=exporter',
        `--redis.password-file=${join(redisConfig, 'exporter-passwords.json')}`,
        `--tls-ca-cert-file=${paths.authority}`,
        `--web.listen-address=127.0.0.1:${ports.exporter}`,
      ],
      answers(`http://127.0.0.1:${ports.exporter}/health`),
    ),
    ...(external && !isUrl(external) ? [externalService(external, ports, host)] : []),
    replica(1, ports, { ...host, ...service }, external),
    replica(2, ports, { ...host, ...service }, external),
    ...server(
      'alertmanager',
      [
        `--config.file=${join(paths.config('alertmanager'), 'alertmanager.yml')}`,
        `--storage.path=${paths.data('alertmanager')}`,
        `--web.listen-address=127.0.0.1:${ports.alertmanager}`,
        '--cluster.listen-address=',
      ],
      answers(`http://127.0.0.1:${ports.alertmanager}/-/ready`),
    ),
    ...server(
      'prometheus',
      [
        `--config.file=${join(prometheusConfig, 'prometheus.yml')}`,
        `--storage.tsdb.path=${paths.data('prometheus')}`,
        '--storage.tsdb.retention.time=35d',
        '--storage.tsdb.retention.size=2GB',
        `--web.listen-address=127.0.0.1:${ports.prometheus}`,
        '--enable-feature=exemplar-storage',
      ],
      answers(`http://127.0.0.1:${ports.prometheus}/-/ready`),
      10_000,
    ),
    ...server(
      'grafana',
      ['server', '--config', join(grafanaConfig, 'grafana.ini'), '--homepath', '/usr/share/grafana'],
      answers(`http://127.0.0.1:${ports.grafana}/api/health`),
    ),
  ];
}

/** Returns the settings that every stack gives a replica. */
export function replicaEnvironment(number: 1 | 2, ports: Ports): Record<string, string> {
  return {
    ENVIRONMENT: 'local',
    INSTANCE: `case-${number}`,
    LISTEN_HOST: '127.0.0.1',
    API_PORT: String(number === 1 ? ports.api1 : ports.api2),
    INTERNAL_PORT: String(number === 1 ? ports.internal1 : ports.internal2),
    // One replica serves the plain port, which answers every request with 403.
    ...(number === 1 ? { PLAIN_PORT: String(ports.plain) } : {}),
    SECRETS_DIR: paths.serviceSecrets,
    TLS_DIR: paths.tls('service'),
    REDIS_URL: `rediss://localhost:${ports.redis}`,
    REDIS_CA_FILE: paths.authority,
    TOKEN_ISSUER: `https://localhost:${ports.api1}`,
    REPLICAS: '2',
    DRAIN_SECONDS: '0.5',
    SHUTDOWN_SECONDS: '10',
  };
}

function replica(
  number: 1 | 2,
  ports: Ports,
  environment: Readonly<Record<string, string>>,
  external?: string,
): Component {
  const internal = number === 1 ? ports.internal1 : ports.internal2;
  return {
    name: `case-${number}`,
    command: [process.execPath, join(root, 'app', 'main.ts'), ...(external ? ['limit-gateway'] : [])],
    env: {
      ...environment,
      ...replicaEnvironment(number, ports),
      ...(external ? gatewayEnvironment(external, ports) : {}),
    },
    logFile: paths.log(`case-${number}`),
    isReady: answers(`https://localhost:${internal}/health/ready`),
    graceMs: 12_000,
  };
}

const isUrl = (text: string): boolean => /^https?:\/\//.test(text);

/** Returns the settings of a gateway in front of another service. Those of tokens come from the shell. */
function gatewayEnvironment(external: string, ports: Ports): Record<string, string> {
  const given = Object.entries(process.env).filter(([name]) => /^(GATEWAY_|TOKEN_)/.test(name));
  return {
    ...Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
    GATEWAY_UPSTREAM: isUrl(external) ? external : `https://localhost:${servicePorts(ports).api}`,
    ...(isUrl(external) ? {} : { GATEWAY_UPSTREAM_CA_FILE: paths.authority }),
  };
}

/** Returns another service as a process that keeps the contract of docs/bring-your-own-service.md. */
function externalService(command: string, ports: Ports, host: Readonly<Record<string, string>>): Component {
  const { api, internal } = servicePorts(ports);
  return {
    name: 'service',
    command: ['sh', '-c', `exec ${command}`],
    env: {
      ...host,
      API_PORT: String(api),
      INTERNAL_PORT: String(internal),
      TLS_DIR: paths.tls('service'),
      SECRETS_DIR: paths.serviceSecrets,
      DRAIN_SECONDS: '0.5',
    },
    logFile: paths.log('service'),
    isReady: answers(`https://localhost:${api}/health`),
    graceMs: 12_000,
  };
}

const servicePorts = ({ api2, internal2 }: Ports) => ({ api: api2 + 1, internal: internal2 + 1 });
