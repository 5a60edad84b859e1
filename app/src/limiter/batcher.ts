import { AsyncLocalStorage } from 'node:async_hooks';
import { DeadlinePassed, Deadlines } from './deadlines.ts';
import {
  type Charge,
  type Demand,
  decodeReply,
  encodeBatch,
  type Group,
  type RuleOutcome,
} from './encode.ts';

/** What the store decided of one request, in the order of its charges. */
export interface StoreDecision {
  readonly now: number;
  readonly admitted: boolean;
  readonly rules: readonly RuleOutcome[];
}

/** Sends a packed batch to the script. */
export type Send = (keys: readonly string[], packed: Buffer) => Promise<unknown>;

/** The store did not answer in time, or not at all; the call may have been carried out, and is never repeated. */
export class StoreUnavailable extends Error {
  /** Whether the request was on its way when its time was up: then the store counts it, now or once it thaws. */
  readonly underWay: boolean;

  constructor(underWay: boolean, cause?: unknown) {
    super('the limiter store did not answer', { cause });
    this.underWay = underWay;
  }
}

interface Waiting {
  readonly demand: Demand;
  readonly resolve: (decision: StoreDecision) => void;
  readonly reject: (error: StoreUnavailable) => void;
  /** Runs in the context in which the request came. */
  readonly within: <T>(run: () => T) => T;
}

/** Calls under way at once: one travels while the other is decided; more would only make batches smaller. */
const mostInFlight = 2;
/** Requests per call: bounds the time for which one call holds Redis, some 2 ms. */
const longestBatch = 512;

/**
 * Puts the requests of one turn of the event loop into one call. A request that finds nothing under way goes at once,
 * so that a single client waits for no one; what arrives while two calls are under way goes with the next.
 */
export class Batcher {
  #queue: Waiting[] = [];
  #inFlight = 0;
  #scheduled = false;
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

  /**
   * Decides one request.
   * @throws StoreUnavailable after the deadline at the latest
   */
  decide(demand: Demand): Promise<StoreDecision> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ demand, resolve, reject, within: AsyncLocalStorage.snapshot() });
      if (this.#inFlight === 0) this.#flush();
      else if (this.#inFlight < mostInFlight && !this.#scheduled) {
        this.#scheduled = true;
        // After the poll phase: all that arrived in it goes together.
        setImmediate(() => {
          this.#scheduled = false;
          if (this.#inFlight < mostInFlight) this.#flush();
        });
      }
    });
  }

  #flush(): void {
    const batch = this.#queue.splice(0, longestBatch);
    const [first] = batch;
    if (first === undefined) return;
    this.#inFlight += 1;
    // A call belongs to the trace of a request in it, not to that of the request whose call has just ended.
    void first
      .within(() => this.#call(batch))
      .finally(() => {
        this.#inFlight -= 1;
        this.#flush();
      });
  }

  async #call(batch: readonly Waiting[]): Promise<void> {
    const groups = group(batch);
    const { keys, packed } = encodeBatch(groups);
    const started = performance.now();
    const elapsed = () => (performance.now() - started) / 1_000;
    try {
      // Our own deadline: a frozen server, and an ioredis whose promise never settles, must not hold a request.
      const reply = await this.#deadlines.race(this.#send(keys, packed));
      const outcomes = decodeReply(groups, reply);
      this.#observe('ok', elapsed());
      groups.forEach((entry, index) => {
        const { now, admitted, rules } = outcomes[index] ?? { now: 0, admitted: 0, rules: [] };
        entry.waiting.forEach(({ demand, resolve }, position) => {
          resolve({
            now,
            admitted: position < admitted,
            rules: rules.map((rule, i) => ({ ...rule, sum: sumAt(rule, demand.charges[i], position) })),
          });
        });
      });
    } catch (cause) {
      const late = cause instanceof DeadlinePassed;
      this.#observe(late ? 'timeout' : 'error', elapsed());
      for (const { reject } of batch) reject(new StoreUnavailable(late, cause));
      // What waits behind a store that does not answer would only wait in vain.
      for (const { reject } of this.#queue.splice(0)) reject(new StoreUnavailable(false, cause));
    }
  }
}

/** The group's last member sees the sum as the script left it; those before saw it by their followers' costs lower. */
function sumAt(rule: RuleOutcome, charge: Charge | undefined, position: number): number {
  const followers = Math.max(0, rule.admitted - 1 - position);
  return rule.sum - followers * (charge?.cost ?? 0);
}

/** Merges equal requests, in the order of their first appearance. */
function group(batch: readonly Waiting[]): (Group & { readonly waiting: readonly Waiting[] })[] {
  const bySignature = new Map<string, Waiting[]>();
  for (const waiting of batch) {
    const { signature } = waiting.demand;
    const equal = bySignature.get(signature);
    if (equal) equal.push(waiting);
    else bySignature.set(signature, [waiting]);
  }
  return [...bySignature.values()].map((waiting) => ({
    charges: waiting[0]?.demand.charges ?? [],
    count: waiting.length,
    waiting,
  }));
}
