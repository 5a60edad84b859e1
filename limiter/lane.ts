import type { Cluster, Redis } from 'ioredis';
import type { ObserveCall, PendingRequest } from './batcher.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { Deadline } from './deadline.ts';
import type { Rule } from './rules.ts';
import { createStore, decideBy, type Store } from './store.ts';

/** A rule that consumes nothing, to learn if the store answers. */
const probe: readonly Rule[] = [
  {
    policy: 'probe',
    scope: 'global',
    key: 'rl:v1:{probe}',
    quota: 1,
    windowMs: 60_000,
    cost: 1,
    reserve: { units: 0, perSource: 0 },
    onStoreError: 'open',
    mode: 'peek',
  },
];

/**
 * A way to the store with its own deadline and circuit breaker. Requests that must not be decided without the store get a
 * longer deadline than others, so each kind has a lane. An open breaker probes the store by itself, so that an idle process
 * notices its return.
 */
export class Lane {
  readonly store: Store;
  readonly #breaker: Breaker;

  constructor(options: {
    readonly redis: Redis | Cluster;
    readonly deadlineMs: { readonly min: number; readonly max: number };
    /** Called after each call to the store. */
    readonly observe: ObserveCall;
    readonly onState: (state: BreakerState) => void;
  }) {
    this.#breaker = new Breaker((state) => {
      options.onState(state);
      if (state === 'open') this.#probeLater();
    });
    this.store = createStore({
      redis: options.redis,
      deadline: new Deadline(options.deadlineMs.min, options.deadlineMs.max),
      observe: (result, seconds) => {
        if (result === 'ok') this.#breaker.succeeded();
        else this.#breaker.failed();
        options.observe(result, seconds);
      },
    });
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
  }

  /** Sends a request to the store; false when the breaker keeps it away. */
  tryAdd(request: PendingRequest): boolean {
    if (!this.#breaker.allows()) return false;
    this.store.add(request);
    return true;
  }

  #probeLater(): void {
    setTimeout(() => {
      if (this.#breaker.state === 'open' && this.#breaker.allows())
        decideBy(this.store, probe).catch(() => {});
    }, this.#breaker.pauseMs).unref();
  }
}
