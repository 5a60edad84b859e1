import { lookup } from 'node:dns/promises';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ancestorsAlive } from './ancestors.ts';
import { howToGet, type Resolved, resolve, type ServerName, servers } from './binaries.ts';
import { partsOf } from './components.ts';
import { writeConfiguration } from './configure.ts';
import { ensureMaterial, writePrivate } from './credentials.ts';
import { home, type Ports, paths, portsAt } from './layout.ts';
import { formatLine } from './log-line.ts';
import { busyPorts } from './ports.ts';
import { Supervisor } from './processes.ts';
import { isAlive, readStackFile, removeStackFile, type StackFile, writeStackFile } from './stack-file.ts';
import { succeeds } from './succeeds.ts';
import { summary } from './summary.ts';

/** Why the stack did not start, in words for who typed the command. */
export class StartFailed extends Error {}

/** A stack that runs. */
export interface RunningStack {
  readonly file: StackFile;
  /** The exit code, once everything ended. */
  readonly ended: Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts the stack of this machine.
 * @returns `undefined` when it runs already, which it says
 * @throws StartFailed; nothing is left running then
 */
export async function startStack(options: {
  readonly offset: number;
  /** Absolute path of a file of policies that hold instead of the default ones. */
  readonly policies: string | null;
  readonly fresh: boolean;
  readonly install: boolean;
  /** Whether to show the logs. */
  readonly follow: boolean;
}): Promise<RunningStack | undefined> {
  const already = readStackFile();
  if (already) {
    console.log(
      `The stack runs already (process ${already.pid}): ${already.edge}\nnpm run status shows it, npm stop ends it.`,
    );
    return undefined;
  }
  await refuseWithoutLocalhost();
  takeLock();
  if (options.fresh) dropState();
  const ports = portsAt(options.offset);
  const resolved = await resolveAll(options.install);
  // A supervisor that was killed leaves containers behind, too, and they hold the ports.
  for (const { clear } of Object.values(resolved)) if (clear) succeeds(clear, process.env);
  await refuseBusyPorts(ports, resolved);
  await ensureMaterial();
  writeConfiguration(ports, {
    exporter: resolved.exporter !== undefined,
    alertmanager: resolved.alertmanager !== undefined,
    grafana: resolved.grafana !== undefined,
  });

  let following = false;
  const supervisor = new Supervisor({
    line: (part, text) => {
      if (following) console.log(formatLine(part, text));
    },
    ready: (part, ms, restarted) => {
      if (restarted) console.log(`● ${part} is back after ${seconds(ms)}`);
      else console.log(`  ✓ ${part.padEnd(13)} ${seconds(ms)}  ${describe(resolved[part as ServerName])}`);
      writeLock(supervisor.pids);
    },
    crashed: (part, how, again, lastLines) => {
      console.log(
        `● ${part} ended (${how}); ${again ? 'starting it again' : `given up after five restarts. Its last lines:\n${lastLines.join('\n')}`}`,
      );
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
  // npm does not pass SIGTERM on: when it dies above us, we go too.
  ancestorsAlive(() => void stop());

  try {
    for (const part of partsOf(ports, resolved, options.policies)) {
      if (stopping !== undefined) break;
      await supervisor.start(part);
    }
  } catch (error) {
    await stop();
    throw new StartFailed((error as Error).message);
  }
  if (stopping !== undefined) {
    await stopping;
    throw new StartFailed('Stopped before everything ran.');
  }
  const file = writeStackFile(ports, resolved, options.policies);
  console.log(summary(file));
  following = options.follow;
  return { file, ended, stop };
}

/** All but the lock, which says that we run. */
function dropState(): void {
  for (const entry of readdirSync(home)) {
    const path = join(home, entry);
    if (path !== paths.lockFile) rmSync(path, { recursive: true, force: true });
  }
}

/** One supervisor a checkout: the file says who, and which processes it had, should it have been killed. */
function takeLock(): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      const file = openSync(paths.lockFile, 'wx', 0o600);
      writeSync(file, JSON.stringify({ pid: process.pid, parts: {} }));
      closeSync(file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const { pid, parts } = readLock();
    if (isAlive(pid))
      throw new StartFailed(
        `Another npm start of this checkout is starting or stopping (process ${pid}); try again in a moment.`,
      );
    for (const [name, left] of Object.entries(parts)) endLeftOver(name, left);
    rmSync(paths.lockFile, { force: true });
  }
}

function readLock(): { pid: number; parts: Record<string, number> } {
  try {
    return JSON.parse(readFileSync(paths.lockFile, 'utf8'));
  } catch {
    return { pid: 0, parts: {} };
  }
}

const writeLock = (parts: Readonly<Record<string, number>>): void =>
  writePrivate(paths.lockFile, JSON.stringify({ pid: process.pid, parts }));

/** A supervisor that was killed leaves its parts behind; they are ended, if they still are what they were. */
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

async function resolveAll(install: boolean): Promise<Partial<Record<ServerName, Resolved>>> {
  const resolved: Partial<Record<ServerName, Resolved>> = {};
  for (const name of Object.keys(servers) as ServerName[]) {
    const found = await resolve(name, {
      environment: process.env,
      install,
      say: (text) => console.log(`  … ${text}`),
    });
    if (found) resolved[name] = found;
    else if (servers[name].cost === undefined)
      throw new StartFailed(`${name} is required and not to be had here: ${howToGet(name)}`);
    else console.log(`  – ${name.padEnd(13)} not here: ${servers[name].cost} (${howToGet(name)})`);
  }
  return resolved;
}

/** Certificates name localhost, so everything here meets by that name; a bare root has no /etc/hosts. */
async function refuseWithoutLocalhost(): Promise<void> {
  try {
    await lookup('localhost');
  } catch {
    throw new StartFailed('localhost has no address here. Add this line to /etc/hosts: 127.0.0.1 localhost');
  }
}

async function refuseBusyPorts(ports: Ports, resolved: Partial<Record<ServerName, Resolved>>): Promise<void> {
  const needed = Object.fromEntries(
    Object.entries(ports).filter(
      ([name]) => !(name in servers) || resolved[name as ServerName] !== undefined,
    ),
  ) as Partial<Ports>;
  const busy = await busyPorts(needed);
  if (busy.length === 0) return;
  rmSync(paths.lockFile, { force: true });
  const list = busy.map(
    ({ name, port, process: by = 'another process' }) => `  ${port} (${name}) is taken by ${by}`,
  );

  throw new StartFailed(
    `These ports are taken:\n${list.join('\n')}\nEnd what holds them, or shift all ports: npm start -- --port-offset 100`,
  );
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1).padStart(4)} s`;
const describe = (resolved: Resolved | undefined): string =>
  resolved ? `${resolved.version}, ${resolved.source}` : '';
