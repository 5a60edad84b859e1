import type { Cluster, Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { type StoreDecision, StoreUnavailable } from './batcher.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { type Decision, denied, fromLocal, fromStore, unavailable } from './decision.ts';
import { DenyCache } from './deny-cache.ts';
import { type Charge, type Demand, demandOf } from './encode.ts';
import { type Explanation, explainWindow } from './explain.ts';
import { type Subject, WindowKeys } from './keys.ts';
import { LocalLimiter } from './local.ts';
import { defaultPolicies, type Policy } from './policies.ts';
import { createStore } from './store.ts';
import { validatePolicies } from './validate.ts';

export type { Decision, RuleState } from './decision.ts';
export type { Explanation } from './explain.ts';
export { NoSubject, type Subject } from './keys.ts';
export { InvalidPolicies } from './validate.ts';

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
  const demands = new LRUCache<string, Demand>({ max: 10_000 });
  let policies = byName(validatePolicies(options.policies ?? defaultPolicies));
  /** Redis' clock minus ours, so that local answers name the same instants. */
  let clockOffset = 0;

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
      return [...policies.values()];
    },
    get breaker() {
      return breaker.state;
    },
    async check(subject, names) {
      const started = performance.now();
      const demand = demandFor(subject, names);
      const known = denials?.get(demand.signature);
      const decision = known ? denied(known.value, known.age) : await decide(demand, started);
      observer.decided?.(decision, (performance.now() - started) / 1_000);
      return decision;
    },
    async explain(userId, role) {
      const charges = userCharges(userId, role);
      const { now, rules } = await store.decide(
        demandOf(charges.map((charge) => ({ ...charge, mode: 'peek' }))),
      );
      return Promise.all(charges.map((charge, i) => explainWindow(redis, charge, rules[i], now)));
    },
    async reset(userId) {
      const charges = userCharges(userId);
      await store.forget(charges.map(({ key }) => key));
      local.forget(charges);
      denials?.clear();
    },
    reload(input) {
      policies = byName(validatePolicies(input));
      demands.clear();
      denials?.clear();
    },
  };

  async function decide(demand: Demand, started: number): Promise<Decision> {
    let owed = true;
    if (breaker.allows()) {
      try {
        const outcome = await store.decide(demand);
        return settle(demand, outcome, started);
      } catch (error) {
        // Counted by the observer of the store; the request is answered locally.
        owed = !(error instanceof StoreUnavailable && error.underWay);
      }
    }
    const closed = demand.charges.filter(
      ({ policy, mode }) => mode === 'enforce' && policies.get(policy)?.onStoreError === 'closed',
    );
    const now = Date.now() + clockOffset;
    if (closed.length > 0) return unavailable(closed, now);
    const asked = demand.charges.filter(({ policy }) => policies.get(policy)?.onStoreError === 'local');
    return fromLocal(asked, local.decide(asked, now, owed), now, (charge) => local.share(charge));
  }

  function settle(demand: Demand, outcome: StoreDecision, started: number): Decision {
    clockOffset = outcome.now - Date.now();
    const decision = fromStore(demand, outcome);
    if (decision.outcome === 'allow') local.record(demand, outcome.now);
    // From before the call: the denial holds at least until then plus its wait.
    else denials?.put(demand.signature, decision, decision.retryAfterMs, started);
    return decision;
  }

  /** Puts what was admitted without Redis into its windows, so that an outage does not double the quota. */
  async function writeBack(): Promise<void> {
    for (const charge of local.takeOwed(Date.now() + clockOffset)) {
      await store.decide(demandOf([charge])).catch((error: unknown) => {
        if (!(error instanceof StoreUnavailable && error.underWay)) local.owe([charge]);
      });
    }
  }

  function demandFor(subject: Subject, names: readonly string[]): Demand {
    const id = `${nameList(names)}\0${subject.userId}\0${subject.role}\0${subject.ip}\0${subject.account}\0${subject.endpoint}\0${subject.operation}`;
    let demand = demands.get(id);
    if (demand === undefined) {
      demand = demandOf(names.map((name) => chargeOf(policyNamed(name), subject)));
      demands.set(id, demand);
    }
    return demand;
  }

  function policyNamed(name: string): Policy {
    const policy = policies.get(name);
    if (policy === undefined) throw new RangeError(`no rate-limit policy is named ${JSON.stringify(name)}`);
    return policy;
  }

  function chargeOf(policy: Policy, subject: Subject): Charge {
    const { userId = '', role = '' } = subject;
    return {
      key: keys.key(policy, subject),
      policy: policy.name,
      quota: policy.users?.[userId] ?? policy.roles?.[role] ?? policy.quota,
      windowMs: policy.windowSeconds * 1_000,
      cost: policy.cost,
      mode: policy.mode,
    };
  }

  /** Every window that a user can have. */
  function userCharges(userId: string, role?: string): Charge[] {
    return [...policies.values()].flatMap((policy) => {
      if (policy.scope === 'user') return [chargeOf(policy, { ip: '', userId, role })];
      if (policy.scope === 'user+operation')
        return ['other', ...operations].map((operation) =>
          chargeOf(policy, { ip: '', userId, role, operation }),
        );
      return [];
    });
  }
}

/** Lists of names are constants of their routes: joined once each. */
const joined = new WeakMap<readonly string[], string>();

function nameList(names: readonly string[]): string {
  let list = joined.get(names);
  if (list === undefined) {
    list = names.join();
    joined.set(names, list);
  }
  return list;
}

const byName = (policies: readonly Policy[]): ReadonlyMap<string, Policy> =>
  new Map(policies.map((policy) => [policy.name, policy]));
