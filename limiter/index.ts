import type { Cluster, Redis } from 'ioredis';
import { defaultPolicies, type Policy } from '../contract/policies.ts';
import { validatePolicies } from '../contract/validate-policies.ts';
import { decisionAt, type GroupReply, statesAt } from './batch.ts';
import { type ObserveCall, type PendingRequest, StoreUnavailable } from './batcher.ts';
import type { BreakerState } from './breaker.ts';
import { type Decision, decide, repeatDenial, unavailable } from './decision.ts';
import { DenyCache } from './deny-cache.ts';
import { type Explanation, explainWindow } from './explain.ts';
import { Lane } from './lane.ts';
import { LocalLimiter } from './local.ts';
import { type Rule, RuleBuilder, type Subject, WindowKeys } from './rules.ts';
import { decideBy, isCluster } from './store.ts';

export type { Policy } from '../contract/policies.ts';
export { InvalidPolicies } from '../contract/validate-policies.ts';
export type { BreakerState } from './breaker.ts';
export type { Decision, RuleState } from './decision.ts';
export type { Explanation } from './explain.ts';
export { rateLimitHeaders, retryAfterSeconds } from './headers.ts';
export { networkOf } from './network.ts';
export { NoSubject, type Subject } from './rules.ts';

/** Receives the events of a limiter; every method is optional. */
export interface LimiterObserver {
  /** Each decision, with the seconds it took. */
  decided?(decision: Decision, seconds: number): void;
  /** Each call to the store. */
  stored?: ObserveCall;
  /** The state of the circuit to the store. */
  breaker?(state: BreakerState): void;
}

/** Milliseconds that a decision may wait for Redis. */
export interface Deadlines {
  /** For a fast Redis. Default 50. */
  readonly min?: number;
  /** For a slow but steady Redis: three of its round trips, at most this. Default 200. */
  readonly max?: number;
  /** With a `closed` rule, which is refused otherwise. Default 250. */
  readonly closed?: number;
}

/** The options of a limiter. */
export interface LimiterOptions {
  /** Connection of the limiter alone: no offline queue, no retries (see README). */
  readonly redis: Redis | Cluster;
  /** Default: {@link defaultPolicies}. */
  readonly policies?: readonly Policy[];
  /** How many processes share the quotas; each enforces its part while Redis is away. Default 1. */
  readonly replicas?: number;
  /** Makes the digests in key names unguessable. */
  readonly secret?: Buffer;
  /** One number stands for all three. */
  readonly deadlineMs?: number | Deadlines;
  /** Denials remembered. Default 10 000; 0 turns the cache off. */
  readonly denyCache?: number;
  /** Windows kept in process. Default 10 000. */
  readonly localWindows?: number;
  /** Operations that `user+operation` policies distinguish, for `explain` and `reset`. */
  readonly operations?: readonly string[];
  /** Windows that each shared policy is split into. Default: 16 in a cluster, else 1. */
  readonly shards?: number;
  readonly observer?: LimiterObserver;
}

/** A rate limiter; see {@link createRateLimiter}. */
export interface RateLimiter {
  /**
   * Decides one request by the named policies: all or nothing. It answers within the deadline, whatever Redis does.
   * @param cost units in place of the policies' own cost, at most the quota
   * @throws NoSubject when neither user nor address is known
   */
  check(subject: Subject, policies: readonly string[], cost?: number): Promise<Decision>;
  /** Returns the denial of a request that something else refuses, with the wait of every policy. Consumes nothing. */
  peek(subject: Subject, policies: readonly string[]): Promise<Decision>;
  /** Describes the windows of a user: consumption, next free unit, and if they would deny. Consumes nothing. */
  explain(userId: string, role?: string): Promise<Explanation[]>;
  /** Forgets the consumption of a user, on every replica within a second. */
  reset(userId: string): Promise<void>;
  /** Replaces the policies; consumption stays. @throws InvalidPolicies, and the old policies stay */
  reload(policies: unknown): void;
  readonly policies: readonly Policy[];
  readonly breaker: BreakerState;
}

/**
 * Creates a distributed rate limiter on Redis: a sliding window that never admits more than the quota in any window, all
 * rules of a request in one atomic call, the requests of one tick in one round trip, and a local limiter for when Redis
 * does not answer.
 * @throws InvalidPolicies with every problem
 */
export function createRateLimiter(options: LimiterOptions): RateLimiter {
  const { redis, denyCache = 10_000, operations = [], observer = {} } = options;
  const { min = 50, max = 200, closed = 250 } = deadlinesOf(options.deadlineMs);
  const keys = new WindowKeys(options.secret, options.shards ?? (isCluster(redis) ? 16 : 1));
  const local = new LocalLimiter(options.replicas ?? 1, options.localWindows ?? 10_000);
  const denials = denyCache > 0 ? new DenyCache(denyCache) : undefined;
  let builder = new RuleBuilder(validatePolicies(options.policies ?? defaultPolicies), keys);
  /** The clock of Redis less the monotonic clock of this process, which no change of the system time moves. */
  let clockOffset = Date.now() - performance.now();
  const now = () => Math.floor(performance.now() + clockOffset);

  const createLane = (deadlineMs: { min: number; max: number }) =>
    new Lane({
      redis,
      deadlineMs,
      observe: (result, seconds) => {
        observer.stored?.(result, seconds);
        if (result === 'ok' && local.isOwing) void writeBack();
      },
      onState: () => observer.breaker?.(breakerState()),
    });
  const ordinary = createLane({ min, max });
  const patient = createLane({ min: closed, max: Math.max(closed, max) });
  /** The worse of the two lanes. */
  function breakerState(): BreakerState {
    const states = [ordinary.breaker, patient.breaker];
    return states.includes('open') ? 'open' : states.includes('half_open') ? 'half_open' : 'closed';
  }
  observer.breaker?.('closed');

  /** A request between its arrival and its decision. */
  class Check implements PendingRequest {
    readonly rules: readonly Rule[];
    readonly #started: number;
    readonly #resolve: (decision: Decision) => void;
    readonly #reject: (error: unknown) => void;

    constructor(
      rules: readonly Rule[],
      started: number,
      resolve: (decision: Decision) => void,
      reject: (error: unknown) => void,
    ) {
      this.rules = rules;
      this.#started = started;
      this.#resolve = resolve;
      this.#reject = reject;
    }

    decided(reply: GroupReply, position: number): void {
      clockOffset = reply.now - performance.now();
      const decision = decisionAt(this.rules, reply, position);
      if (decision.outcome === 'allow') local.record(this.rules, reply.now);
      // From before the call: the denial holds at least until then plus its wait.
      else denials?.put(this.rules, decision, this.#started);
      this.answer(decision);
    }

    failed({ wasSent }: StoreUnavailable): void {
      this.answer(decideWithoutStore(this.rules, !wasSent));
    }

    answer(decision: Decision): void {
      try {
        observer.decided?.(decision, (performance.now() - this.#started) / 1_000);
        this.#resolve(decision);
      } catch (error) {
        // An error of the observer must not fail the requests that are decided together with this one.
        this.#reject(error);
      }
    }
  }

  /** @param isOwed false when the store may have counted the request already */
  function decideWithoutStore(rules: readonly Rule[], isOwed: boolean): Decision {
    const closedRules = rules.filter(isClosed);
    if (closedRules.length > 0) return unavailable(closedRules, now());
    return local.decide(
      rules.filter(({ onStoreError }) => onStoreError === 'local'),
      now(),
      isOwed,
    );
  }

  /** Writes admissions of an outage into the windows of Redis, so that the outage does not double the quota. */
  async function writeBack(): Promise<void> {
    for (const rule of local.takeOwed(now())) {
      await decideBy(ordinary.store, [rule]).catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable && error.wasSent)) local.owe([rule]);
      });
    }
  }

  return {
    get policies() {
      return [...builder.policies.values()];
    },
    get breaker() {
      return breakerState();
    },
    check(subject, names, cost) {
      return new Promise((resolve, reject) => {
        const started = performance.now();
        const rules = builder.build(subject, names, cost);
        const check = new Check(rules, started, resolve, reject);
        const known = denials?.get(rules, started);
        if (known) return check.answer(repeatDenial(known.decision, started - known.at));
        const lane = rules.some(isClosed) ? patient : ordinary;
        if (!lane.tryAdd(check)) check.answer(decideWithoutStore(rules, true));
      });
    },
    async peek(subject, names) {
      const rules = builder.build(subject, names).filter(({ mode }) => mode !== 'shadow');
      const peeks = rules.map((rule): Rule => ({ ...rule, mode: 'peek' }));
      try {
        const reply = await decideBy(patient.store, peeks);
        return decide('redis', rules, statesAt(peeks, reply, 0), false, reply.now);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        return unavailable(rules, now());
      }
    },
    async explain(userId, role) {
      const rules = builder.ofUser(userId, role, operations);
      const peeks = rules.map((rule): Rule => ({ ...rule, mode: 'peek' }));
      const reply = await decideBy(ordinary.store, peeks);
      return Promise.all(rules.map((rule, i) => explainWindow(redis, rule, reply.rules[i], reply.now)));
    },
    async reset(userId) {
      const rules = builder.ofUser(userId, undefined, operations);
      await ordinary.store.forget(rules.map(({ key }) => key));
      local.forget(rules);
      denials?.clear();
    },
    reload(policies) {
      builder = new RuleBuilder(validatePolicies(policies), keys);
      denials?.clear();
    },
  };
}

const deadlinesOf = (ms: LimiterOptions['deadlineMs'] = {}): Deadlines =>
  typeof ms === 'number' ? { min: ms, max: ms, closed: ms } : ms;

const isClosed = ({ mode, onStoreError }: Rule): boolean => mode === 'enforce' && onStoreError === 'closed';
