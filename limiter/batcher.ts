import { AsyncLocalStorage } from 'node:async_hooks';
import { DeadlinePassed, Deadlines } from './deadlines.ts';
import { type Demand, decodeReply, encodeBatch, type Group, type GroupOutcome } from './encode.ts';

/** A request that waits for the store; exactly one of its methods is called, once. */
export interface Waiting {
  readonly demand: Demand;
  /** @param position its place among the equal requests of its group: the first `outcome.admitted` are admitted */
  decided(outcome: GroupOutcome, position: number): void;
  failed(error: StoreUnavailable): void;
}

/** Sends a packed batch to the script. */
export type Send = (keys: readonly string[], packed: string) => Promise<unknown>;

/** The store did not answer in time, or not at all; the call may have been carried out, and is never repeated. */
export class StoreUnavailable extends Error {
  /** Whether the request was on its way when its time was up: then the store counts it, now or once it thaws. */
  readonly underWay: boolean;

  constructor(underWay: boolean, cause?: unknown) {
    super('the limiter store did not answer', { cause });
    this.underWay = underWay;
  }
}

/** Calls under way at once: one travels while the other is decided; more would only make batches smaller. */
const mostInFlight = 2;
/** Bounds the time for which one call holds Redis, some 2 ms. */
const longestBatch = { requests: 512, charges: 2_048 } as const;

/**
 * Puts the requests of one turn of the event loop into one call. A request that finds nothing under way goes at once,
 * so that a single client waits for no one; what arrives while two calls are under way goes with the next.
 */
export class Batcher {
  #queue: Waiting[] = [];
  /** Requests under way, by call. */
  readonly #inFlight = new Set<readonly Waiting[]>();
  #scheduled = false;
  /** The context of the first request that came since and waits for a call to return: one per call, they are dear. */
  #within: (<T>(run: () => T) => T) | undefined;
  readonly #send: Send;
  readonly #deadlines: Deadlines;
  readonly #observe: (result: 'ok' | 'error' | 'timeout', seconds: number) => void;

  constructor(options: {
    readonly send: Send;
    readonly deadlineMs: number;
    readonly observe: (result: 'ok' | 'error' | 'timeout', seconds: number) => void;
  }) {
    this.#send = options.send;
    this.#deadlines = new Deadlines(options.deadlineMs);
    this.#observe = options.observe;
  }

  /** Decides one request, after the deadline at the latest. */
  ask(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (this.#inFlight.size === 0) this.#flush();
    else if (this.#inFlight.size >= mostInFlight) this.#within ??= AsyncLocalStorage.snapshot();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      // After the poll phase: all that arrived in it goes together.
      setImmediate(() => {
        this.#scheduled = false;
        if (this.#inFlight.size < mostInFlight) this.#flush();
      });
    }
  }

  #flush(): void {
    const batch = this.#queue.splice(0, this.#batchLength());
    if (batch.length === 0) return;
    this.#inFlight.add(batch);
    // A call belongs to the trace of a request in it, not to that of the request whose call has just ended.
    const within = this.#within;
    this.#within = undefined;
    const called = within ? within(() => this.#call(batch)) : this.#call(batch);
    void called.finally(() => {
      this.#inFlight.delete(batch);
      this.#flush();
    });
  }

  /** Half of what is there to decide: two calls of a length keep both sides busy, a long one and a short one do not. */
  #batchLength(): number {
    let outstanding = this.#queue.length;
    for (const { length } of this.#inFlight) outstanding += length;
    const most = Math.min(Math.ceil(outstanding / 2), longestBatch.requests);
    let charges = 0;
    for (let length = 0; length < most; length++) {
      charges += this.#queue[length]?.demand.charges.length ?? 0;
      if (charges > longestBatch.charges) return Math.max(1, length);
    }
    return most;
  }

  async #call(batch: readonly Waiting[]): Promise<void> {
    const groups = group(batch);
    const { keys, packed } = encodeBatch(groups);
    const started = performance.now();
    const elapsed = () => (performance.now() - started) / 1_000;
    let outcomes: GroupOutcome[];
    try {
      // Our own deadline: a frozen server, and an ioredis whose promise never settles, must not hold a request.
      outcomes = decodeReply(groups, await this.#deadlines.race(this.#send(keys, packed)));
    } catch (cause) {
      const late = cause instanceof DeadlinePassed;
      this.#observe(late ? 'timeout' : 'error', elapsed());
      for (const waiting of batch) waiting.failed(new StoreUnavailable(late, cause));
      // What waits behind a store that does not answer would only wait in vain.
      for (const waiting of this.#queue.splice(0)) waiting.failed(new StoreUnavailable(false, cause));
      return;
    }
    this.#observe('ok', elapsed());
    for (const [index, { members }] of groups.entries()) {
      const outcome = outcomes[index] as GroupOutcome;
      for (const [position, waiting] of members.entries()) waiting.decided(outcome, position);
    }
  }
}

/** Merges equal requests, in the order of their first appearance. */
function group(batch: readonly Waiting[]): (Group & { readonly members: readonly Waiting[] })[] {
  const bySignature = new Map<string, { charges: Group['charges']; count: number; members: Waiting[] }>();
  for (const waiting of batch) {
    const { signature, charges } = waiting.demand;
    const equal = bySignature.get(signature);
    if (equal) equal.count = equal.members.push(waiting);
    else bySignature.set(signature, { charges, count: 1, members: [waiting] });
  }
  return [...bySignature.values()];
}
