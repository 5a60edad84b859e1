import type { Scope } from '../contract/policies.ts';
import type { Rule } from './rules.ts';

/** The answer to one request. */
export interface Decision {
  /** `unavailable`: the store does not answer, and a rule may not be decided without it. */
  readonly outcome: 'allow' | 'deny' | 'unavailable';
  readonly source: 'redis' | 'deny_cache' | 'local';
  /** The rule that denied, else the one with the smallest share left; absent when no rule binds. */
  readonly tightest: RuleState | undefined;
  /** The enforced rules in the order of the policies; of a policy with several windows the tightest. */
  readonly rules: readonly RuleState[];
  /** Names of the policies that denied. */
  readonly violated: readonly string[];
  /** Milliseconds after which the same request is admitted if nobody else consumes; 0 when it was. */
  readonly retryAfterMs: number;
  /** The answers that shadow rules would have given. */
  readonly shadow: readonly { readonly policy: string; readonly allowed: boolean }[];
  /** Unix milliseconds by the clock of Redis. */
  readonly now: number;
}

/** The state of a rule after a request was decided. */
export interface RuleState {
  readonly policy: string;
  readonly scope: Scope;
  readonly limit: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  /** Unix milliseconds at which nothing consumed so far counts any more. */
  readonly resetAt: number;
  /** Unix milliseconds at which at least one more unit becomes available. */
  readonly nextAt: number;
  /** Milliseconds until this rule would admit the same request; 0 when it does. */
  readonly waitMs: number;
}

/** Describes a rule whose window holds `sum` units. */
export function stateOf(
  rule: Rule,
  sum: number,
  times: Pick<RuleState, 'resetAt' | 'nextAt' | 'waitMs'>,
): RuleState {
  // A source that may not use the reserve has nothing left, whatever the reserve holds.
  const free = times.waitMs > 0 && rule.reserve.units > 0 ? 0 : rule.quota - sum;
  return {
    policy: rule.policy,
    scope: rule.scope,
    limit: rule.quota,
    windowSeconds: rule.windowMs / 1_000,
    remaining: Math.max(0, free),
    resetAt: times.resetAt,
    nextAt: times.nextAt,
    waitMs: times.waitMs,
  };
}

/** Puts the decision of a request together from the states of its rules. */
export function decide(
  source: Decision['source'],
  rules: readonly Rule[],
  states: readonly RuleState[],
  admitted: boolean,
  now: number,
): Decision {
  // The path of every request: plain loops, and no lists that are mostly empty.
  const enforced: RuleState[] = [];
  let violated: string[] | undefined;
  let shadow: { policy: string; allowed: boolean }[] | undefined;
  let tightest: RuleState | undefined;
  let retryAfterMs = 0;
  for (let i = 0; i < states.length; i++) {
    const state = states[i] as RuleState;
    if (rules[i]?.mode === 'shadow') {
      shadow ??= [];
      shadow.push({ policy: state.policy, allowed: state.waitMs === 0 });
      continue;
    }
    if (!admitted && state.waitMs > 0) {
      violated ??= [];
      if (violated.at(-1) !== state.policy) violated.push(state.policy);
      retryAfterMs = Math.max(retryAfterMs, state.waitMs);
    }
    const last = enforced.length - 1;
    const same = enforced[last];
    if (same?.policy !== state.policy) enforced.push(state);
    else if (state.waitMs > same.waitMs || (state.waitMs === same.waitMs && state.remaining < same.remaining))
      enforced[last] = state;
  }
  for (const state of enforced) if (tightest === undefined || isTighter(state, tightest)) tightest = state;
  return {
    outcome: admitted ? 'allow' : 'deny',
    source,
    tightest,
    rules: enforced,
    violated: violated ?? none,
    retryAfterMs,
    shadow: shadow ?? none,
    now,
  };
}

/** The decision on rules that must not be decided without the store: a short wait for each of them. */
export function unavailable(closed: readonly Rule[], now: number): Decision {
  const waitMs = 1_000;
  const at = now + waitMs;
  const states = closed.map((rule) => ({
    ...stateOf(rule, 0, { waitMs, resetAt: at, nextAt: at }),
    remaining: 0,
  }));
  return { ...decide('local', closed, states, false, now), outcome: 'unavailable' };
}

/** The same denial some time later: the instants stay, the waits get shorter. */
export function repeatDenial(decision: Decision, ageMs: number): Decision {
  const rules = decision.rules.map((rule) => ({ ...rule, waitMs: Math.max(0, rule.waitMs - ageMs) }));
  return {
    ...decision,
    source: 'deny_cache',
    now: decision.now + ageMs,
    tightest: decision.tightest && (rules[decision.rules.indexOf(decision.tightest)] ?? decision.tightest),
    rules,
    retryAfterMs: Math.max(1, decision.retryAfterMs - ageMs),
  };
}

const none: readonly never[] = Object.freeze([]);

/** Compares two rules by the longer wait, then by the smaller share left. */
export function isTighter(a: RuleState, b: RuleState): boolean {
  if (a.waitMs !== b.waitMs) return a.waitMs > b.waitMs;
  return a.remaining * b.limit < b.remaining * a.limit;
}
