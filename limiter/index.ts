import type { Cluster, Redis } from 'ioredis';
import { defaultPolicies, type Policy } from '../contract/policies.ts';
import { validatePolicies } from '../contract/validate-policies.ts';
import { StoreUnavailable, type Waiting } from './batcher.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { type Decision, denied, fromLocal, fromStore, unavailable } from './decision.ts';
import { Demands } from './demands.ts';
import { DenyCache } from './deny-cache.ts';
import { type Charge, type Demand, demandOf, type GroupOutcome } from './encode.ts';
import { type Explanation, explainWindow } from './explain.ts';
import { type Subject, WindowKeys } from './keys.ts';
import { LocalLimiter } from './local.ts';
import { createStore, decideBy } from './store.ts';

export { InvalidPolicies } from '../contract/validate-policies.ts';
export type { Decision, RuleState } from './decision.ts';
export type { Explanation } from './explain.ts';
export { NoSubject, type Subject } from './keys.ts';

/** What a limiter tells while it works; every method is optional. */
export interface LimiterObserver {
  /** Each decision, with the seconds it took. */
  decided?(decision: Decision, seconds: number): void;
  /** Each call to the store. */
  stored?(result: 'ok' | 'error' | 'timeout', seconds: number): void;
  breaker?(state: BreakerState): void;
}

/** How a limiter is made. */
export interface LimiterOptions {
  /** Connection of the limiter alone: no offline queue, no retries (see README). */
  readonly redis: Redis | Cluster;
  /** Default: {@link defaultPolicies}. */
  readonly policies?: readonly Policy[];
  /** How many processes share the quotas; each enforces its part while Redis is away. Default 1. */
  readonly replicas?: number;
  /** Makes the digests in key names unguessable. */
  readonly secret?: Buffer;
  /** Milliseconds that a decision may wait for Redis. Default 50. */
  readonly deadlineMs?: number;
  /** Denials remembered. Default 10 000; 0 turns the cache off. */
  readonly denyCache?: number;
  /** Windows kept in process. Default 10 000. */
  readonly localWindows?: number;
  /** Operations that `user+operation` policies tell apart, for explain and reset. */
  readonly operations?: readonly string[];
  readonly observer?: LimiterObserver;
}

/** A rate limiter; see {@link createRateLimiter}. */
export interface RateLimiter {
  /**
   * Decides one request by the named policies: all or nothing. It answers within the deadline, whatever Redis does.
   * @throws NoSubject when neither user nor address is known
   */
  check(subject: Subject, policies: readonly string[]): Promise<Decision>;
  /** The windows of a user: what is consumed, when it comes free, what would deny. Consumes nothing. */
  explain(userId: string, role?: string): Promise<Explanation[]>;
  /** Forgets what a user consumed. Felt on every replica within a second. */
  reset(userId: string): Promise<void>;
  /** Takes new policies; what was consumed stays consumed. @throws InvalidPolicies, and the old ones stay */
  reload(policies: unknown): void;
  readonly policies: readonly Policy[];
  readonly breaker: BreakerState;
}

/**
 * Makes a distributed rate limiter on Redis: a sliding window that never admits more than the quota in any window, all
 * rules of a request in one atomic call, the requests of one tick in one round trip, and an honest answer when Redis
 * has none. It has no framework in it; `fastify.ts` is the plugin.
 * @throws InvalidPolicies with every problem
 */
export function createRateLimiter(options: LimiterOptions): RateLimiter {
  const {
    redis,
    replicas = 1,
    deadlineMs = 50,
    denyCache = 10_000,
    localWindows = 10_000,
    operations = [],
    observer = {},
  } = options;
  const keys = new WindowKeys(options.secret);
  const local = new LocalLimiter(replicas, localWindows);
  const denials = denyCache > 0 ? new DenyCache<Decision>(denyCache) : undefined;
  let demands = new Demands(validatePolicies(options.policies ?? defaultPolicies), keys);
  /** Redis' clock minus ours, so that local answers name the same instants. */
  let clockOffset = 0;

  /** One request on its way to its decision. */
  class Check implements Waiting {
    readonly demand: Demand;
    readonly #started: number;
    readonly #resolve: (decision: Decision) => void;
    readonly #reject: (error: unknown) => void;

    constructor(
      demand: Demand,
      started: number,
      resolve: (decision: Decision) => void,
      reject: (error: unknown) => void,
    ) {
      this.demand = demand;
      this.#started = started;
      this.#resolve = resolve;
      this.#reject = reject;
    }

    decided(outcome: GroupOutcome, position: number): void {
      this.answer(settle(this.demand, outcome, position, this.#started));
    }

    failed({ underWay }: StoreUnavailable): void {
      // Counted by the observer of the store; the request is answered locally.
      this.answer(withoutStore(this.demand, !underWay));
    }

    answer(decision: Decision): void {
      try {
        observer.decided?.(decision, (performance.now() - this.#started) / 1_000);
        this.#resolve(decision);
      } catch (error) {
        // Of the observer: it must not fail the requests that are decided together with this one.
        this.#reject(error);
      }
    }
  }

  const breaker = new Breaker((state) => observer.breaker?.(state));
  const store = createStore({
    redis,
    deadlineMs,
    observe: (result, seconds) => {
      observer.stored?.(result, seconds);
      if (result !== 'ok') return breaker.failed();
      breaker.succeeded();
      if (local.owes) void writeBack();
    },
  });
  observer.breaker?.(breaker.state);

  return {
    get policies() {
      return [...demands.policies.values()];
    },
    get breaker() {
      return breaker.state;
    },
    check(subject, names) {
      return new Promise((resolve, reject) => {
        const started = performance.now();
        const check = new Check(demands.for(subject, names), started, resolve, reject);
        const known = denials?.get(check.demand.signature, started);
        if (known) check.answer(denied(known.value, started - known.at));
        else if (breaker.allows()) store.ask(check);
        else check.answer(withoutStore(check.demand, true));
      });
    },
    async explain(userId, role) {
      const charges = demands.ofUser(userId, role, operations);
      const peeks = charges.map((charge): Charge => ({ ...charge, mode: 'peek' }));
      const { now, rules } = await decideBy(store, demandOf(peeks));
      return Promise.all(charges.map((charge, i) => explainWindow(redis, charge, rules[i], now)));
    },
    async reset(userId) {
      const charges = demands.ofUser(userId, undefined, operations);
      await store.forget(charges.map(({ key }) => key));
      local.forget(charges);
      denials?.clear();
    },
    reload(input) {
      demands = new Demands(validatePolicies(input), keys);
      denials?.clear();
    },
  };

  /** @param owed whether the store will have to be told of an admission; not when it may have counted it already */
  function withoutStore(demand: Demand, owed: boolean): Decision {
    const closed = demand.charges.filter(
      ({ policy, mode }) => mode === 'enforce' && demands.policies.get(policy)?.onStoreError === 'closed',
    );
    const now = Date.now() + clockOffset;
    if (closed.length > 0) return unavailable(closed, now);
    const asked = demand.charges.filter(
      ({ policy }) => demands.policies.get(policy)?.onStoreError === 'local',
    );
    return fromLocal(asked, local.decide(asked, now, owed), now, (charge) => local.share(charge));
  }

  function settle(demand: Demand, outcome: GroupOutcome, position: number, started: number): Decision {
    clockOffset = outcome.now - Date.now();
    const decision = fromStore(demand, outcome, position);
    if (decision.outcome === 'allow') local.record(demand, outcome.now);
    // From before the call: the denial holds at least until then plus its wait.
    else denials?.put(demand.signature, decision, decision.retryAfterMs, started);
    return decision;
  }

  /** Puts what was admitted without Redis into its windows, so that an outage does not double the quota. */
  async function writeBack(): Promise<void> {
    for (const charge of local.takeOwed(Date.now() + clockOffset)) {
      await decideBy(store, demandOf([charge])).catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable && error.underWay)) local.owe([charge]);
      });
    }
  }
}
