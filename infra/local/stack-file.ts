import { existsSync, readFileSync, rmSync } from 'node:fs';
import { redisUsers } from '../config/redis.ts';
import { writePrivate } from './credentials.ts';
import { type Ports, paths } from './layout.ts';
import type { ProvidedServers, ServerName } from './servers.ts';

/** `.local/stack.json`, which other tools read. URLs carry no credentials, paths are absolute. */
export interface StackFile {
  readonly version: 1;
  /** The supervisor's process id. */
  readonly pid: number;
  /** URL for clients: the first replica. */
  readonly edge: string;
  readonly replicas: readonly string[];
  readonly plain: string;
  /** URLs of the metrics and probes, in the order of the replicas. */
  readonly internal: readonly string[];
  readonly prometheus: string | null;
  readonly alertmanager: string | null;
  readonly grafana: string | null;
  readonly redis: {
    readonly url: string;
    readonly ca: string;
    /** Password file of each ACL user. */
    readonly users: Readonly<Record<string, string>>;
  };
  /** Certificate of the authority that signed every certificate. */
  readonly ca: string;
  /** JSON list of `{email, password, role}`. */
  readonly users: string;
  /** File of the rate limits in force, or null for the default ones. */
  readonly policies: string | null;
}

/** Writes the file, once everything is ready. */
export function writeStackFile(ports: Ports, provided: ProvidedServers, policies: string | null): StackFile {
  const at = (name: ServerName, port: number) => (provided[name] ? `http://localhost:${port}` : null);
  const edge = `https://localhost:${ports.api1}`;
  const stack: StackFile = {
    version: 1,
    pid: process.pid,
    edge,
    replicas: [edge, `https://localhost:${ports.api2}`],
    plain: `http://localhost:${ports.plain}`,
    internal: [`https://localhost:${ports.internal1}`, `https://localhost:${ports.internal2}`],
    prometheus: at('prometheus', ports.prometheus),
    alertmanager: at('alertmanager', ports.alertmanager),
    grafana: at('grafana', ports.grafana),
    redis: {
      url: `rediss://localhost:${ports.redis}`,
      ca: paths.authority,
      users: Object.fromEntries(redisUsers.map((user) => [user, paths.redisPassword(user)])),
    },
    ca: paths.authority,
    users: paths.users,
    policies,
  };
  writePrivate(paths.stackFile, `${JSON.stringify(stack, null, 2)}\n`);
  return stack;
}

/** Returns the running stack, or `undefined`. */
export function readStackFile(): StackFile | undefined {
  if (!existsSync(paths.stackFile)) return undefined;
  const stack = JSON.parse(readFileSync(paths.stackFile, 'utf8')) as StackFile;
  return isAlive(stack.pid) ? stack : undefined;
}

/** Returns the process that starts, runs or ends the stack of this checkout, or `undefined`. */
export function supervisorPid(): number | undefined {
  if (!existsSync(paths.lockFile)) return readStackFile()?.pid;
  const { pid } = JSON.parse(readFileSync(paths.lockFile, 'utf8')) as { pid: number };
  return isAlive(pid) ? pid : undefined;
}

/** Removes the file, because the stack ends. */
export const removeStackFile = (): void => rmSync(paths.stackFile, { force: true });

/** Returns whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
