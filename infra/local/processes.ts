import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcess, spawn } from '../programs/child-process.ts';
import { succeeds } from '../programs/succeeds.ts';

/** One process of the stack. */
export interface Component {
  readonly name: string;
  readonly command: readonly string[];
  /** Removes the container that a killed client leaves behind. Run before each start and after a kill. */
  readonly clear?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Returns whether it serves. Polled until it does or the process ended. */
  readonly isReady: () => Promise<boolean>;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly graceMs: number;
}

/** What a supervisor reports. */
export interface SupervisorEvents {
  line(component: string, text: string): void;
  ready(component: string, ms: number, restarted: boolean): void;
  crashed(component: string, how: string, again: boolean, lastLines: readonly string[]): void;
}

const maxRestarts = 5;
const firstPauseMs = 250;
/** After this time without a crash, the restarts are counted from 0 again. */
const healthyMs = 60_000;
const keptLines = 20;

interface Running {
  readonly component: Component;
  child: ChildProcess | undefined;
  restarts: number;
  startedAt: number;
  readonly lastLines: string[];
}

/** Runs components in order, restarts those that crash, and ends all of them in the reverse order. */
export class Supervisor {
  readonly #running: Running[] = [];
  readonly #events: SupervisorEvents;
  readonly #readyWithinMs: number;
  #stopping = false;

  /** @param readyWithinMs milliseconds in which a started component must serve */
  constructor(events: SupervisorEvents, readyWithinMs = 60_000) {
    this.#events = events;
    this.#readyWithinMs = readyWithinMs;
  }

  /** Process ids by component, of those that run. */
  get pids(): Record<string, number> {
    return Object.fromEntries(
      this.#running.flatMap(({ component, child }) =>
        child?.pid && !hasEnded(child) ? [[component.name, child.pid]] : [],
      ),
    );
  }

  /**
   * Starts a component and waits until it serves.
   * @throws Error with its last lines when it ends or does not serve in time; it does not run then
   */
  async start(component: Component): Promise<void> {
    const running: Running = { component, child: undefined, restarts: 0, startedAt: 0, lastLines: [] };
    this.#running.push(running);
    await this.#launch(running, false);
  }

  /** Ends every component, last started first, and kills those that do not end in time. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { child, component } of [...this.#running].reverse()) {
      // A component that ended by itself may have left a container behind, too.
      if (child === undefined || hasEnded(child)) clear(component);
      else await end(component, child);
    }
  }

  async #launch(running: Running, restarted: boolean): Promise<void> {
    const { component } = running;
    clear(component);
    const [program = '', ...args] = component.command;
    running.startedAt = performance.now();
    // A process group of its own, so that Ctrl-C reaches only the supervisor, which ends the components in order.
    const child = spawn(program, args, {
      env: { ...component.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    running.child = child;
    mkdirSync(dirname(component.logFile), { recursive: true, mode: 0o700 });
    const file = createWriteStream(component.logFile, { flags: 'a', mode: 0o600 });
    // A full disk or a removed folder must not end the stack. The lines still go to the terminal.
    file.on('error', (error) =>
      this.#events.line(component.name, `its log cannot be written: ${error.message}`),
    );
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (text) => {
        file.write(`${text}\n`);
        running.lastLines.push(text);
        if (running.lastLines.length > keptLines) running.lastLines.shift();
        this.#events.line(component.name, text);
      });
    }
    const spawned = new Promise<void>((resolve, reject) =>
      child.once('spawn', resolve).once('error', reject),
    );
    child.once('close', () => file.end());
    await spawned;
    let serving = false;
    child.once('exit', (code, by) => {
      if (serving && !this.#stopping) void this.#crashed(running, by ?? `exit ${code}`);
    });
    try {
      await this.#untilReady(running, child);
    } catch (error) {
      // It may still run, and nothing would end it once another process takes its place.
      if (!hasEnded(child)) await end(component, child);
      throw error;
    }
    serving = true;
    if (this.#stopping) return;
    if (hasEnded(child)) void this.#crashed(running, `exit ${child.exitCode ?? child.signalCode}`);
    else this.#events.ready(component.name, performance.now() - running.startedAt, restarted);
  }

  async #untilReady({ component, lastLines }: Running, child: ChildProcess): Promise<void> {
    const until = performance.now() + this.#readyWithinMs;
    while (performance.now() < until && !this.#stopping) {
      if (hasEnded(child))
        throw new Error(
          `${component.name} ended (${child.signalCode ?? `exit ${child.exitCode}`}):\n${lastLines.join('\n')}`,
        );
      if (await component.isReady()) return;
      await sleep(30);
    }
    if (!this.#stopping)
      throw new Error(
        `${component.name} does not serve after ${this.#readyWithinMs / 1_000} s:\n${lastLines.join('\n')}`,
      );
  }

  async #crashed(running: Running, how: string): Promise<void> {
    if (this.#stopping) return;
    if (performance.now() - running.startedAt > healthyMs) running.restarts = 0;
    const again = running.restarts < maxRestarts;
    this.#events.crashed(running.component.name, how, again, running.lastLines);
    if (!again) return;
    await sleep(firstPauseMs * 2 ** running.restarts);
    running.restarts += 1;
    if (this.#stopping) return;
    await this.#launch(running, true).catch((error: Error) => {
      running.lastLines.push(error.message);
      return this.#crashed(running, 'did not come back');
    });
  }
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

const ended = (child: ChildProcess): Promise<void> =>
  hasEnded(child) ? Promise.resolve() : new Promise((resolve) => child.once('exit', () => resolve()));

/** Sends SIGTERM, and SIGKILL when the process does not end in time. */
async function end(component: Component, child: ChildProcess): Promise<void> {
  signal(child, 'SIGTERM');
  await Promise.race([ended(child), sleep(component.graceMs, undefined, { ref: false })]);
  if (hasEnded(child)) return;
  signal(child, 'SIGKILL');
  await ended(child);
  clear(component);
}

const clear = (component: Component): void => {
  if (component.clear) succeeds(component.clear, component.env);
};

/** Signals the whole process group, because a component may have children. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-(child.pid ?? 0), name);
  } catch {
    child.kill(name);
  }
}
