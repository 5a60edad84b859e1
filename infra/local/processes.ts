import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeeds } from './succeeds.ts';

/** One process of the stack. */
export interface Part {
  readonly name: string;
  readonly command: readonly string[];
  /** Removes what a run leaves that was killed: the container of a client. Run before each start and after a kill. */
  readonly clear?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Whether it serves. Asked until it does, or the part ended. */
  readonly ready: () => Promise<boolean>;
  /** Milliseconds that it may take to end when asked to. */
  readonly graceMs: number;
}

/** What a supervisor tells. */
export interface SupervisorEvents {
  line(part: string, text: string): void;
  ready(part: string, ms: number, restarted: boolean): void;
  crashed(part: string, how: string, again: boolean, lastLines: readonly string[]): void;
}

const mostRestarts = 5;
const firstPauseMs = 250;
/** A part that ran this long has recovered: its crashes are counted anew. */
const healthyMs = 60_000;
const keptLines = 20;

interface Running {
  readonly part: Part;
  child: ChildProcess | undefined;
  restarts: number;
  startedAt: number;
  readonly lastLines: string[];
}

/** Runs parts in order, restarts what crashes, and ends everything in the reverse order. */
export class Supervisor {
  readonly #running: Running[] = [];
  readonly #events: SupervisorEvents;
  readonly #readyWithinMs: number;
  #stopping = false;

  /** @param readyWithinMs milliseconds in which a started part must serve */
  constructor(events: SupervisorEvents, readyWithinMs = 60_000) {
    this.#events = events;
    this.#readyWithinMs = readyWithinMs;
  }

  /** Process ids by part, of those that run. */
  get pids(): Record<string, number> {
    return Object.fromEntries(
      this.#running.flatMap(({ part, child }) =>
        child?.pid && !hasEnded(child) ? [[part.name, child.pid]] : [],
      ),
    );
  }

  /**
   * Starts a part and waits until it serves.
   * @throws Error with its last lines when it ends, or does not serve in time; it runs no more then
   */
  async start(part: Part): Promise<void> {
    const running: Running = { part, child: undefined, restarts: 0, startedAt: 0, lastLines: [] };
    this.#running.push(running);
    await this.#launch(running, false);
  }

  /** Ends everything, last started first; who does not end in time is killed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { child, part } of [...this.#running].reverse()) {
      // What ended by itself, and is not started again now, may have left something too.
      if (child === undefined || hasEnded(child)) clear(part);
      else await end(part, child);
    }
  }

  async #launch(running: Running, restarted: boolean): Promise<void> {
    const { part } = running;
    clear(part);
    const [program = '', ...args] = part.command;
    running.startedAt = performance.now();
    // A process group of its own: Ctrl-C goes to us alone, and we end the parts in order.
    const child = spawn(program, args, {
      env: { ...part.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    running.child = child;
    mkdirSync(dirname(part.logFile), { recursive: true, mode: 0o700 });
    const file = createWriteStream(part.logFile, { flags: 'a', mode: 0o600 });
    // A full disk or a removed folder must not end the stack: the lines still go to the stream.
    file.on('error', (error) => this.#events.line(part.name, `its log cannot be written: ${error.message}`));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (text) => {
        file.write(`${text}\n`);
        running.lastLines.push(text);
        if (running.lastLines.length > keptLines) running.lastLines.shift();
        this.#events.line(part.name, text);
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
      // It may run all the same: nobody would end it once another takes its place.
      if (!hasEnded(child)) await end(part, child);
      throw error;
    }
    serving = true;
    if (this.#stopping) return;
    if (hasEnded(child)) void this.#crashed(running, `exit ${child.exitCode ?? child.signalCode}`);
    else this.#events.ready(part.name, performance.now() - running.startedAt, restarted);
  }

  async #untilReady({ part, lastLines }: Running, child: ChildProcess): Promise<void> {
    const until = performance.now() + this.#readyWithinMs;
    while (performance.now() < until && !this.#stopping) {
      if (hasEnded(child))
        throw new Error(
          `${part.name} ended (${child.signalCode ?? `exit ${child.exitCode}`}):\n${lastLines.join('\n')}`,
        );
      if (await part.ready()) return;
      await sleep(30);
    }
    if (!this.#stopping)
      throw new Error(
        `${part.name} does not serve after ${this.#readyWithinMs / 1_000} s:\n${lastLines.join('\n')}`,
      );
  }

  async #crashed(running: Running, how: string): Promise<void> {
    if (this.#stopping) return;
    if (performance.now() - running.startedAt > healthyMs) running.restarts = 0;
    const again = running.restarts < mostRestarts;
    this.#events.crashed(running.part.name, how, again, running.lastLines);
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

/** Asks a process to end, and kills it when it does not in time. */
async function end(part: Part, child: ChildProcess): Promise<void> {
  signal(child, 'SIGTERM');
  await Promise.race([ended(child), sleep(part.graceMs, undefined, { ref: false })]);
  if (hasEnded(child)) return;
  signal(child, 'SIGKILL');
  await ended(child);
  clear(part);
}

const clear = (part: Part): void => {
  if (part.clear) succeeds(part.clear, part.env);
};

/** To the whole group: a part may have children of its own. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-(child.pid ?? 0), name);
  } catch {
    child.kill(name);
  }
}
