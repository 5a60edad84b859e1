import { AsyncLocalStorage } from 'node:async_hooks';
import { decodeReply, encodeBatch, type Group, type GroupReply } from './batch.ts';
import { type Deadline, DeadlinePassed } from './deadline.ts';
import type { Rule } from './rules.ts';

/** A request that waits for the store. Exactly one of its methods is called, once. */
export interface PendingRequest {
  readonly rules: readonly Rule[];
  /** @param position its place among the equal requests of its group: the first `reply.admitted` are admitted */
  decided(reply: GroupReply, position: number): void;
  failed(error: StoreUnavailable): void;
}

/** The store did not answer in time, or not at all. The call may have been carried out, and is never repeated. */
export class StoreUnavailable extends Error {
  /** True when the request was sent before its time was up: then the store counts it, now or later. */
  readonly wasSent: boolean;

  constructor(wasSent: boolean, cause?: unknown) {
    super('the limiter store did not answer', { cause });
    this.wasSent = wasSent;
  }
}

/** Reports each call to the store: its result and the seconds it took. */
export type ObserveCall = (result: 'ok' | 'error' | 'timeout', seconds: number) => void;

/** One call travels while the other is decided. More calls would only make batches smaller. */
const maxCalls = 2;
/** Bounds the time for which one call blocks Redis to about 2 ms. */
const maxBatch = { requests: 512, rules: 2_048 } as const;

/**
 * Puts the requests of one turn of the event loop into one call. A request that finds no call under way is sent at once, so
 * that a single client never waits. Requests that arrive while two calls are under way go with the next one.
 */
export class Batcher {
  #queue: PendingRequest[] = [];
  /** Requests under way, by call. */
  readonly #calls = new Set<readonly PendingRequest[]>();
  #isScheduled = false;
  /** Async context of the first queued request. One snapshot per call, because a snapshot costs about 1 µs. */
  #context: (<T>(run: () => T) => T) | undefined;
  readonly #send: (keys: readonly string[], packed: string) => Promise<unknown>;
  readonly #deadline: Deadline;
  readonly #observe: ObserveCall;

  constructor(
    send: (keys: readonly string[], packed: string) => Promise<unknown>,
    deadline: Deadline,
    observe: ObserveCall,
  ) {
    this.#send = send;
    this.#deadline = deadline;
    this.#observe = observe;
  }

  /** Decides one request, after the deadline at the latest. */
  add(request: PendingRequest): void {
    this.#queue.push(request);
    if (this.#calls.size === 0) this.#flush();
    else if (this.#calls.size >= maxCalls) this.#context ??= AsyncLocalStorage.snapshot();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      // After the poll phase, so that all requests that arrived in it go together.
      setImmediate(() => {
        this.#isScheduled = false;
        if (this.#calls.size < maxCalls) this.#flush();
      });
    }
  }

  #flush(): void {
    const batch = this.#queue.splice(0, this.#batchLength());
    if (batch.length === 0) return;
    this.#calls.add(batch);
    // A call belongs to the trace of a request in it, not to that of the call that has just ended.
    const context = this.#context;
    this.#context = undefined;
    const call = context ? context(() => this.#call(batch)) : this.#call(batch);
    void call.finally(() => {
      this.#calls.delete(batch);
      this.#flush();
    });
  }

  /** Half of the outstanding requests: two calls of equal length keep both sides busy. */
  #batchLength(): number {
    let outstanding = this.#queue.length;
    for (const { length } of this.#calls) outstanding += length;
    const max = Math.min(Math.ceil(outstanding / 2), maxBatch.requests);
    let rules = 0;
    for (let length = 0; length < max; length++) {
      rules += this.#queue[length]?.rules.length ?? 0;
      if (rules > maxBatch.rules) return Math.max(1, length);
    }
    return max;
  }

  async #call(batch: readonly PendingRequest[]): Promise<void> {
    const groups = groupEqual(batch);
    const { keys, packed } = encodeBatch(groups);
    const started = performance.now();
    const elapsed = () => (performance.now() - started) / 1_000;
    let replies: GroupReply[];
    try {
      // ioredis' own timeouts do not cover a frozen server, nor a promise that never settles.
      replies = decodeReply(groups, await this.#deadline.race(this.#send(keys, packed)));
    } catch (cause) {
      const isLate = cause instanceof DeadlinePassed;
      this.#observe(isLate ? 'timeout' : 'error', elapsed());
      for (const request of batch) request.failed(new StoreUnavailable(isLate, cause));
      // Requests queued behind a store that does not answer would wait for nothing.
      for (const request of this.#queue.splice(0)) request.failed(new StoreUnavailable(false, cause));
      return;
    }
    this.#observe('ok', elapsed());
    for (const [index, { members }] of groups.entries()) {
      const reply = replies[index] as GroupReply;
      for (const [position, request] of members.entries()) request.decided(reply, position);
    }
  }
}

/** Merges requests with the same list of rules, in the order of their first appearance. */
function groupEqual(
  batch: readonly PendingRequest[],
): (Group & { readonly members: readonly PendingRequest[] })[] {
  const groups = new Map<readonly Rule[], Group & { count: number; members: PendingRequest[] }>();
  for (const request of batch) {
    const equal = groups.get(request.rules);
    if (equal) equal.count = equal.members.push(request);
    else groups.set(request.rules, { rules: request.rules, count: 1, members: [request] });
  }
  return [...groups.values()];
}
