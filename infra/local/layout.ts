import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Folder for the state, secrets and generated files of the local stack; 0700, ignored by git. */
export const home = join(root, '.local');

/** Paths below {@link home}. */
export const paths = {
  stackFile: join(home, 'stack.json'),
  lockFile: join(home, 'supervisor.json'),
  users: join(home, 'users.json'),
  authority: join(home, 'tls', 'ca.crt'),
  tls: (component: string) => join(home, 'tls', component),
  redisPassword: (user: string) => join(home, 'secrets', 'redis', user),
  policies: join(home, 'config', 'policies.json'),
  serviceSecrets: join(home, 'secrets', 'service'),
  config: (component: string) => join(home, 'config', component),
  data: (component: string) => join(home, 'data', component),
  log: (component: string) => join(home, 'log', `${component}.log`),
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
