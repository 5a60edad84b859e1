import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Where the stack of this machine keeps state, secrets and what it generated; 0700, ignored by git. */
export const home = join(root, '.local');

/** Paths below {@link home}. */
export const paths = {
  stackFile: join(home, 'stack.json'),
  lockFile: join(home, 'supervisor.json'),
  users: join(home, 'users.json'),
  authority: join(home, 'tls', 'ca.crt'),
  tls: (part: string) => join(home, 'tls', part),
  redisPassword: (user: string) => join(home, 'secrets', 'redis', user),
  serviceSecrets: join(home, 'secrets', 'service'),
  config: (part: string) => join(home, 'config', part),
  data: (part: string) => join(home, 'data', part),
  log: (part: string) => join(home, 'log', `${part}.log`),
} as const;

/** Ports of the design's table, on loopback; shifted by `--port-offset`. */
export const basePorts = {
  api1: 8443,
  api2: 8444,
  internal1: 9464,
  internal2: 9465,
  plain: 8000,
  redis: 6390,
  exporter: 9121,
  prometheus: 9090,
  alertmanager: 9093,
  grafana: 3000,
} as const;

/** A port per listener. */
export type Ports = Readonly<Record<keyof typeof basePorts, number>>;

/** The ports shifted by an offset. */
export const portsAt = (offset: number): Ports =>
  Object.fromEntries(Object.entries(basePorts).map(([name, port]) => [name, port + offset])) as Ports;
