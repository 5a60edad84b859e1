import { createHash } from 'node:crypto';
import { howToGet, type ProgramName } from '../programs/catalogue.ts';
import { execFileSync } from '../programs/child-process.ts';
import { containerEngine } from '../programs/containers.ts';
import { type ProvideOptions, provide } from '../programs/provide.ts';
import { succeeds } from '../programs/succeeds.ts';
import { type ImageName, imageCatalogue } from '../settings/images.ts';
import { home } from './layout.ts';

/** A server of the local stack, beside the service itself. */
export type ServerName = 'redis' | 'exporter' | 'prometheus' | 'alertmanager' | 'grafana';

/** How a server of the local stack is run. */
export interface Server {
  readonly program: ProgramName;
  readonly image: ImageName;
  /** The program in the image. */
  readonly entrypoint: string;
  /** What is lost without it; absent for what is required. */
  readonly cost?: string;
}

/** The servers, in the order in which they are looked for. */
export const servers: Readonly<Record<ServerName, Server>> = {
  redis: { program: 'redis-server', image: 'redis', entrypoint: 'redis-server' },
  exporter: {
    program: 'redis_exporter',
    image: 'redisExporter',
    entrypoint: '/redis_exporter',
    cost: 'no metrics of Redis itself',
  },
  prometheus: {
    program: 'prometheus',
    image: 'prometheus',
    entrypoint: '/bin/prometheus',
    cost: 'no metrics over time, no alerts, no dashboards',
  },
  alertmanager: {
    program: 'alertmanager',
    image: 'alertmanager',
    entrypoint: '/bin/alertmanager',
    cost: 'alerts fire and reach nobody',
  },
  grafana: {
    program: 'grafana',
    image: 'grafana',
    entrypoint: '/usr/share/grafana/bin/grafana',
    cost: 'dashboards only as `npm run dashboards:preview` shows them',
  },
};

/** How a server is run on this machine. */
export interface ProvidedServer {
  /** Program and first arguments. */
  readonly command: readonly string[];
  /** Removes what a killed run leaves behind; absent where that is nothing. */
  readonly clear?: readonly string[];
  /** Where it came from, for the report. */
  readonly source: string;
  readonly version: string;
}

/** The servers that this machine has. */
export type ProvidedServers = Partial<Record<ServerName, ProvidedServer>>;

/** Finds the servers of the local stack as {@link provide} does, and else as the pinned images. */
export async function provideServers(options: ProvideOptions): Promise<ProvidedServers> {
  const names = Object.keys(servers) as ServerName[];
  const programs = await provide(
    names.map((name) => servers[name].program),
    options,
  );
  const provided: ProvidedServers = {};
  for (const name of names) {
    const { path, ...found } = programs[servers[name].program] ?? {};
    const server = path === undefined ? image(name, options) : { command: [path], ...found };
    if (server !== undefined) provided[name] = server as ProvidedServer;
  }
  return provided;
}

/** Returns what to do when this machine has no way to run a server. */
export const howToGetServer = (name: ServerName): string =>
  `${howToGet(servers[name].program)}, or start Docker or Podman`;

/** Gets the pinned image where Docker or Podman answers. */
function image(name: ServerName, { environment, install, say }: ProvideOptions): ProvidedServer | undefined {
  const engine = install ? containerEngine(environment) : undefined;
  if (engine === undefined) return undefined;
  const { entrypoint } = servers[name];
  const reference = imageCatalogue[servers[name].image];
  if (!succeeds([engine.name, 'image', 'inspect', reference], environment)) {
    say(`pulling ${reference.split('@')[0]} with ${engine.name} (once)`);
    try {
      execFileSync(engine.name, ['pull', '--quiet', reference], {
        env: environment as NodeJS.ProcessEnv,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 300_000,
      });
    } catch (error) {
      say(`that did not work: ${firstLine(error)}`);
      return undefined;
    }
  }
  const container = `simple378-${createHash('sha256').update(home).digest('hex').slice(0, 8)}-${name}`;
  return {
    command: [
      ...[engine.name, ...engine.run, '--name', container, '--volume', `${home}:${home}`],
      // Podman waits ten seconds by default before it kills what is removed; Docker kills at once.
      ...['--stop-timeout', '0'],
      ...['--entrypoint', entrypoint, reference],
    ],
    clear: [engine.name, 'rm', '--force', container],
    source: `image, by ${engine.name}`,
    version: /:v?([^@:]+)@/.exec(reference)?.[1] ?? 'pinned',
  };
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split('\n')[0] ?? '';
}
