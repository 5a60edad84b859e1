import { lookup } from 'node:dns/promises';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { succeeds } from '../programs/succeeds.ts';
import { watchAncestors } from './ancestors.ts';
import { componentsOf } from './components.ts';
import { writeConfiguration } from './configure.ts';
import { ensureSecrets, writePrivate } from './credentials.ts';
import { localEnvironment } from './environment.ts';
import { basePorts, home, type Ports, paths, portsAt } from './layout.ts';
import { formatLine } from './log-line.ts';
import { busyPorts } from './ports.ts';
import { Supervisor } from './processes.ts';
import { howToGetServer, type ProvidedServers, provideServers, type ServerName, servers } from './servers.ts';
import { isAlive, readStackFile, removeStackFile, type StackFile, writeStackFile } from './stack-file.ts';
import { summary } from './summary.ts';

/** The stack did not start. The message says why, and what to do. */
export class StartFailed extends Error {
  readonly exitCode: number;

  /** @param exitCode 1: it does not run; 2: something that it needs is missing, or wrong usage */
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A running stack. */
export interface RunningStack {
  readonly file: StackFile;
  /** The exit code, once every component ended. */
  readonly ended: Promise<number>;
  stop(): Promise<void>;
}

/** Options of {@link startStack}. */
export interface StartOptions {
  readonly offset: number;
  /** Absolute path of a file of policies in place of those of `Pulumi.local.yaml`. */
  readonly policies: string | null;
  /** Command or URL of a service to put behind limit gateways, in place of the case service. */
  readonly service?: string | undefined;
  readonly fresh: boolean;
  readonly install: boolean;
  /** Whether to show the logs. */
  readonly follow: boolean;
}

/**
 * Starts the stack of this checkout as the environment `local`.
 * @returns `undefined` when it runs already, which is printed
 * @throws StartFailed; nothing is left running then
 * @throws BadSettings when `Pulumi.local.yaml` is wrong
 */
export async function startStack(options: StartOptions): Promise<RunningStack | undefined> {
  if (alreadyRuns(options.offset)) return undefined;
  const environment = localEnvironment();
  await refuseWithoutLocalhost();
  takeLock();
  if (options.fresh) dropState();
  const ports = portsAt(options.offset);
  const provided = await findServers(options.install);
  // A supervisor that was killed leaves containers behind, and they hold the ports.
  for (const { clear } of Object.values(provided)) if (clear) succeeds(clear, process.env);
  await refuseBusyPorts(ports, provided);
  await ensureSecrets(environment.users);
  writeConfiguration(ports, {
    exporter: provided.exporter !== undefined,
    alertmanager: provided.alertmanager !== undefined,
    grafana: provided.grafana !== undefined,
  });
  writePrivate(paths.policies, `${JSON.stringify(environment.policies, null, 2)}\n`);
  const policies = options.policies ?? paths.policies;
  console.log(`  Pulumi.local.yaml: only a cluster uses ${environment.notApplied.join(', ')}`);

  let following = false;
  const supervisor = new Supervisor({
    line: (component, text) => {
      if (following) console.log(formatLine(component, text));
    },
    ready: (component, ms, restarted) => {
      if (restarted) console.log(`● ${component} is back after ${seconds(ms)}`);
      else console.log(`  ✓ ${component.padEnd(13)} ${seconds(ms)}  ${describe(component, provided)}`);
      writeLock(supervisor.pids);
    },
    crashed: (component, how, again, lastLines) => {
      const next = again
        ? 'starting it again'
        : `given up after five restarts. Its last lines:\n${lastLines.join('\n')}`;
      console.log(`● ${component} ended (${how}); ${next}`);
    },
  });

  let finish: (code: number) => void = () => {};
  const ended = new Promise<number>((resolveEnded) => {
    finish = resolveEnded;
  });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      removeStackFile();
      await supervisor.stop();
      rmSync(paths.lockFile, { force: true });
      finish(0);
    })();
    return stopping;
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (stopping === undefined) console.log('\nStopping, in order …');
      void stop();
    });
  }
  // npm does not pass SIGTERM on, so the stack ends when npm does.
  watchAncestors(() => void stop());

  try {
    const settings = { ...environment.service, POLICIES_FILE: policies };
    for (const component of componentsOf(ports, provided, settings, options.service)) {
      if (stopping !== undefined) break;
      await supervisor.start(component);
    }
  } catch (error) {
    await stop();
    throw new StartFailed((error as Error).message);
  }
  if (stopping !== undefined) {
    await stopping;
    throw new StartFailed('Stopped before everything ran.');
  }
  const file = writeStackFile(ports, provided, policies);
  console.log(summary(file));
  following = options.follow;
  return { file, ended, stop };
}

/** Reports a running stack. @throws StartFailed when other ports are wanted, because a checkout runs one stack */
function alreadyRuns(offset: number): boolean {
  const stack = readStackFile();
  if (stack === undefined) return false;
  const port = Number(new URL(stack.edge).port);
  if (offset !== 0 && port !== basePorts.api1 + offset)
    throw new StartFailed(
      `A stack of this checkout runs already (process ${stack.pid}): ${stack.edge}\n` +
        'A checkout runs one stack. Run npm stop first, or start the second one in another checkout, ' +
        'for example after git worktree add ../simple378-second',
      2,
    );
  console.log(
    `The stack runs already (process ${stack.pid}): ${stack.edge}\nnpm run status shows it, npm stop ends it.`,
  );
  return true;
}

/** Deletes the state but keeps the lock file, because the stack is still starting. */
function dropState(): void {
  for (const entry of readdirSync(home)) {
    const path = join(home, entry);
    if (path !== paths.lockFile) rmSync(path, { recursive: true, force: true });
  }
}

/** Allows one supervisor per checkout. The file names its process and its components', in case it is killed. */
function takeLock(): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      const file = openSync(paths.lockFile, 'wx', 0o600);
      writeSync(file, JSON.stringify({ pid: process.pid, components: {} }));
      closeSync(file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const { pid, components } = readLock();
    if (isAlive(pid))
      throw new StartFailed(
        `Another npm start of this checkout is starting or stopping (process ${pid}); try again in a moment.`,
      );
    for (const [name, left] of Object.entries(components)) endLeftOver(name, left);
    rmSync(paths.lockFile, { force: true });
  }
}

function readLock(): { pid: number; components: Record<string, number> } {
  try {
    return { components: {}, ...JSON.parse(readFileSync(paths.lockFile, 'utf8')) };
  } catch {
    return { pid: 0, components: {} };
  }
}

const writeLock = (components: Readonly<Record<string, number>>): void =>
  writePrivate(paths.lockFile, JSON.stringify({ pid: process.pid, components }));

/** Ends a component that a killed supervisor left behind, if its process still is that component. */
function endLeftOver(name: string, pid: number): void {
  try {
    if (
      !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(name.startsWith('case-') ? 'app/main.ts' : home)
    )
      return;
    process.kill(pid, 'SIGKILL');
    console.log(`ended ${name} (process ${pid}), left behind by an earlier run`);
  } catch {
    // Gone already.
  }
}

async function findServers(install: boolean): Promise<ProvidedServers> {
  const failures: string[] = [];
  const provided = await provideServers({
    environment: process.env,
    install,
    refresh: true,
    say: (text) => console.log(`  … ${text}`),
    failed: (reason) => failures.push(reason),
  });
  const because = failures.length > 0 ? ` (${failures.join('; ')})` : '';
  if (provided.redis === undefined) {
    rmSync(paths.lockFile, { force: true });
    throw new StartFailed(
      `The stack needs Redis 7 or newer, and this machine has none${because}.\n` +
        `Get it in one of these ways, then run npm start again: ${howToGetServer('redis')}.`,
      2,
    );
  }
  for (const name of Object.keys(servers) as ServerName[])
    if (provided[name] === undefined)
      console.log(
        `  – ${name.padEnd(13)} not here: ${servers[name].cost} (${howToGetServer(name)})${because}`,
      );
  return provided;
}

/** Every component uses the name localhost, because certificates name it. A bare root may have no /etc/hosts. */
async function refuseWithoutLocalhost(): Promise<void> {
  try {
    await lookup('localhost');
  } catch {
    throw new StartFailed('localhost has no address here. Add this line to /etc/hosts: 127.0.0.1 localhost');
  }
}

async function refuseBusyPorts(ports: Ports, provided: ProvidedServers): Promise<void> {
  const needed = Object.fromEntries(
    Object.entries(ports).filter(
      ([name]) => !(name in servers) || provided[name as ServerName] !== undefined,
    ),
  ) as Partial<Ports>;
  const busy = await busyPorts(needed);
  if (busy.length === 0) return;
  rmSync(paths.lockFile, { force: true });
  const list = busy.map(
    ({ name, port, process: by = 'another process' }) => `  ${port} (${name}) is taken by ${by}`,
  );
  throw new StartFailed(
    `These ports are taken:\n${list.join('\n')}\nStop that process, or shift all ports: npm start -- --port-offset 100`,
  );
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1).padStart(4)} s`;

function describe(component: string, provided: ProvidedServers): string {
  const server = provided[component as ServerName];
  return server === undefined ? '' : `${server.version}, ${server.source}`;
}
