import { join } from 'node:path';
import type { Resolved, ServerName } from './binaries.ts';
import { answers } from './http.ts';
import { type Ports, paths, root } from './layout.ts';
import type { Part } from './processes.ts';
import { redisAnswers } from './redis-ready.ts';

/** What of the host's environment every part gets; no more, so that nothing of the shell changes how the stack runs. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'DOCKER_HOST', 'XDG_RUNTIME_DIR'];

/**
 * The parts in the order in which they start.
 * @param policies file of the rate limits, null for the default ones
 */
export function partsOf(
  ports: Ports,
  resolved: Partial<Record<ServerName, Resolved>>,
  policies: string | null,
): Part[] {
  const host = Object.fromEntries(
    inherited.flatMap((name) => (process.env[name] ? [[name, String(process.env[name])]] : [])),
  );
  const server = (
    name: ServerName,
    args: readonly string[],
    ready: Part['ready'],
    graceMs = 5_000,
  ): Part[] => {
    const found = resolved[name];
    if (found === undefined) return [];
    return [
      {
        name,
        command: [...found.command, ...args],
        ...(found.clear ? { clear: found.clear } : {}),
        env: { ...host, ...found.env },
        logFile: paths.log(name),
        ready,
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
    replica(1, ports, policies, host),
    replica(2, ports, policies, host),
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

/** The settings of a replica, beside what it inherits. */
export function replicaEnvironment(number: 1 | 2, ports: Ports): Record<string, string> {
  return {
    ENVIRONMENT: 'local',
    INSTANCE: `case-${number}`,
    LISTEN_HOST: '127.0.0.1',
    API_PORT: String(number === 1 ? ports.api1 : ports.api2),
    INTERNAL_PORT: String(number === 1 ? ports.internal1 : ports.internal2),
    // The plain port is one for the machine: it only says that there is nothing to be had without TLS.
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
  policies: string | null,
  host: Readonly<Record<string, string>>,
): Part {
  const internal = number === 1 ? ports.internal1 : ports.internal2;
  return {
    name: `case-${number}`,
    command: [process.execPath, join(root, 'app', 'main.ts')],
    env: {
      ...host,
      ...replicaEnvironment(number, ports),
      ...(policies === null ? {} : { POLICIES_FILE: policies }),
    },
    logFile: paths.log(`case-${number}`),
    ready: answers(`https://localhost:${internal}/health/ready`),
    graceMs: 12_000,
  };
}
