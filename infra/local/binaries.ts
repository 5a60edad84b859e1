import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { ImageName } from '../settings/images.ts';
import { type Installed, unpackDebian, unpacked } from './debian.ts';
import { aptInstallAsRoot, brewInstall, pulledImage } from './installers.ts';

/** A server of the stack that is not our own. */
export type ServerName = 'redis' | 'exporter' | 'prometheus' | 'alertmanager' | 'grafana';

/** How a server is run. */
export interface Resolved {
  /** Program and first arguments. */
  readonly command: readonly string[];
  /** Removes what a run leaves that was killed; absent where that is nothing. */
  readonly clear?: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it came from, for the report. */
  readonly source: string;
  readonly version: string;
}

interface Server {
  readonly binaries: readonly string[];
  readonly versionArgs: readonly string[];
  /** Major and minor. */
  readonly atLeast: readonly [number, number];
  readonly debian?: string;
  /** A file that Debian's build reads at this very place, so that its package does not run merely unpacked. */
  readonly debianFile?: string;
  readonly brew?: string;
  readonly image: ImageName;
  /** The program in the image. */
  readonly entrypoint: string;
  /** What is lost without it; absent for what is required. */
  readonly cost?: string;
}

/** What may serve as each part. */
export const servers: Readonly<Record<ServerName, Server>> = {
  redis: {
    binaries: ['redis-server', 'valkey-server'],
    versionArgs: ['--version'],
    atLeast: [7, 0],
    debian: 'redis-server',
    brew: 'redis',
    image: 'redis',
    entrypoint: 'redis-server',
  },
  exporter: {
    binaries: ['redis_exporter', 'prometheus-redis-exporter'],
    versionArgs: ['--version'],
    atLeast: [1, 0],
    debian: 'prometheus-redis-exporter',
    image: 'redisExporter',
    entrypoint: '/redis_exporter',
    cost: 'no metrics of Redis itself',
  },
  prometheus: {
    binaries: ['prometheus'],
    versionArgs: ['--version'],
    atLeast: [2, 42],
    debian: 'prometheus',
    brew: 'prometheus',
    image: 'prometheus',
    entrypoint: '/bin/prometheus',
    cost: 'no metrics over time, no alerts, no dashboards',
  },
  alertmanager: {
    binaries: ['alertmanager', 'prometheus-alertmanager'],
    versionArgs: ['--version'],
    atLeast: [0, 25],
    debian: 'prometheus-alertmanager',
    debianFile: '/usr/share/prometheus/alertmanager/default.tmpl',
    brew: 'alertmanager',
    image: 'alertmanager',
    entrypoint: '/bin/alertmanager',
    cost: 'alerts fire and reach nobody',
  },
  grafana: {
    binaries: ['grafana'],
    versionArgs: ['--version'],
    atLeast: [11, 0],
    brew: 'grafana',
    image: 'grafana',
    entrypoint: '/usr/share/grafana/bin/grafana',
    cost: 'dashboards only as `npm run dashboards:preview` shows them',
  },
};

/** What {@link resolve} may do, and what it says while it does. */
export interface ResolveOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `--no-install`: PATH only. */
  readonly install: boolean;
  /** Whether an image will do, where it can be run and nothing else is had; yes when left out. */
  readonly images?: boolean;
  readonly say: (text: string) => void;
}

/**
 * Finds a server: on PATH, else as Debian packages in the user's cache, else by apt as root, else by Homebrew, else as
 * the pinned image. `undefined` when it cannot be had.
 */
export async function resolve(name: ServerName, options: ResolveOptions): Promise<Resolved | undefined> {
  const server = servers[name];
  const found = onPath(server, options.environment);
  if (found || !options.install) return found;
  const ways = [unpackDebian, aptInstallAsRoot, brewInstall];
  for (const way of ways) {
    const folder = await way(server, options);
    if (folder === undefined) continue;
    const installed = inFolder(server, folder, options.environment);
    if (installed) return installed;
  }
  return options.images === false ? undefined : pulledImage(name, server, options);
}

/** What is here already, on PATH or unpacked by an earlier start. */
export function present(name: ServerName, environment: ResolveOptions['environment']): Resolved | undefined {
  const folder = unpacked(servers[name], environment);
  return onPath(servers[name], environment) ?? (folder && inFolder(servers[name], folder, environment));
}

/** What to type when a required server cannot be had. */
export function howToGet(name: ServerName): string {
  const { debian, brew } = servers[name];
  const ways = [
    debian && `sudo apt-get install ${debian}`,
    brew && `brew install ${brew}`,
    'start Docker or Podman',
  ];
  return ways.filter(Boolean).join(', or ');
}

function onPath(
  server: Server,
  environment: ResolveOptions['environment'],
  env: Readonly<Record<string, string>> = {},
): Resolved | undefined {
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    for (const binary of server.binaries) {
      const path = join(folder, binary);
      if (folder === '' || !isExecutable(path)) continue;
      const version = versionOf(path, server.versionArgs, { ...environment, ...env });
      if (version && isAtLeast(version, server.atLeast))
        return { command: [path], env, source: 'on PATH', version };
    }
  }
  return undefined;
}

function inFolder(
  server: Server,
  { path, env, source }: Installed,
  environment: ResolveOptions['environment'],
): Resolved | undefined {
  const found = onPath(server, { ...environment, ...env, PATH: path }, env);
  return found && { ...found, source };
}

function versionOf(
  path: string,
  args: readonly string[],
  env: ResolveOptions['environment'],
): string | undefined {
  try {
    const output = execFileSync(path, args, {
      env: env as NodeJS.ProcessEnv,
      encoding: 'utf8',
      timeout: 5_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return /(?:v=|version:? v?|v)(\d+\.\d+[.\d]*)/i.exec(output)?.[1] ?? /(\d+\.\d+[.\d]*)/.exec(output)?.[1];
  } catch (error) {
    // Some print their version to standard error, or exit with 1 after it.
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return /(\d+\.\d+[.\d]*)/.exec(`${stdout}${stderr}`)?.[1];
  }
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
