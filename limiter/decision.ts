import { type Charge, type Demand, type GroupOutcome, type RuleOutcome, sumAt } from './encode.ts';
import type { Verdict } from './window.ts';

/** How a rule stands after a request was decided. */
export interface RuleState {
  readonly policy: string;
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

/** The answer to one request. */
export interface Decision {
  /** `unavailable`: the store does not answer and a rule may not be decided without it. */
  readonly outcome: 'allow' | 'deny' | 'unavailable';
  readonly source: 'redis' | 'deny_cache' | 'local';
  /** The rule that denied, else the one with the smallest share left. */
  readonly tightest: RuleState;
  /** The enforced rules, in the order they were asked. */
  readonly rules: readonly RuleState[];
  /** Names of the rules that denied. */
  readonly violated: readonly string[];
  /** Milliseconds after which the same request is admitted if nobody else consumes; 0 when it was. */
  readonly retryAfterMs: number;
  /** What shadow rules would have decided. */
  readonly shadow: readonly { readonly policy: string; readonly allowed: boolean }[];
  /** Unix milliseconds by Redis' clock. */
  readonly now: number;
}

/** Reads the decision of one request from what the store said of its group. */
export function fromStore(
  { charges }: Demand,
  { now, admitted, rules }: GroupOutcome,
  position: number,
): Decision {
  const states: RuleState[] = [];
  for (const [i, charge] of charges.entries()) {
    const rule = rules[i] as RuleOutcome;
    const { waitMs, resetAt, nextAt } = rule;
    const remaining = Math.max(0, charge.quota - sumAt(rule, charge, position));
    states.push(state(charge, { remaining, waitMs, resetAt, nextAt }));
  }
  return assemble('redis', charges, states, position < admitted, now);
}

/** Reads a decision from the local limiter, by the shares that it enforces. */
export function fromLocal(
  charges: readonly Charge[],
  { admitted, verdicts }: { readonly admitted: boolean; readonly verdicts: readonly Verdict[] },
  now: number,
  share: (charge: Charge) => number,
): Decision {
  const states = charges.map((charge, i) =>
    state(
      { ...charge, quota: share(charge) },
      verdicts[i] ?? { remaining: 0, waitMs: 0, resetAt: now, nextAt: now },
    ),
  );
  return assemble('local', charges, states, admitted, now);
}

/** A decision that must not be made without the store. */
export function unavailable(closed: readonly Charge[], now: number): Decision {
  const retryAfterMs = 1_000;
  const states = closed.map((charge) =>
    state(charge, {
      remaining: 0,
      waitMs: retryAfterMs,
      resetAt: now + retryAfterMs,
      nextAt: now + retryAfterMs,
    }),
  );
  return { ...assemble('local', closed, states, false, now), outcome: 'unavailable' };
}

/** A denial remembered: the same instants, the waits as much shorter as it is old. */
export function denied(decision: Decision, ageMs: number): Decision {
  const rules = decision.rules.map((rule) => ({ ...rule, waitMs: Math.max(0, rule.waitMs - ageMs) }));
  return {
    ...decision,
    source: 'deny_cache',
    now: decision.now + ageMs,
    tightest: rules[decision.rules.indexOf(decision.tightest)] ?? decision.tightest,
    rules,
    retryAfterMs: Math.max(1, decision.retryAfterMs - ageMs),
  };
}

function assemble(
  source: Decision['source'],
  charges: readonly Charge[],
  states: readonly RuleState[],
  admitted: boolean,
  now: number,
): Decision {
  // The path of every request: plain loops, no lists that are mostly empty.
  const rules: RuleState[] = [];
  let violated: string[] | undefined;
  let shadow: { policy: string; allowed: boolean }[] | undefined;
  let tightest: RuleState | undefined;
  let retryAfterMs = 0;
  for (let i = 0; i < states.length; i++) {
    const rule = states[i];
    if (rule === undefined) continue;
    if (charges[i]?.mode === 'shadow') {
      shadow ??= [];
      shadow.push({ policy: rule.policy, allowed: rule.waitMs === 0 });
      continue;
    }
    rules.push(rule);
    if (!admitted && rule.waitMs > 0) {
      violated ??= [];
      violated.push(rule.policy);
      retryAfterMs = Math.max(retryAfterMs, rule.waitMs);
    }
    if (tightest === undefined || isTighter(rule, tightest)) tightest = rule;
  }
  const outcome = admitted ? 'allow' : 'deny';
  return {
    outcome,
    source,
    tightest: tightest ?? unlimited(now),
    rules,
    violated: violated ?? none,
    retryAfterMs,
    shadow: shadow ?? none,
    now,
  };
}

const none: readonly never[] = Object.freeze([]);

const state = (
  { policy, quota, windowMs }: Charge,
  { remaining, waitMs, resetAt, nextAt }: Pick<RuleState, 'remaining' | 'waitMs' | 'resetAt' | 'nextAt'>,
): RuleState => ({
  policy,
  limit: quota,
  windowSeconds: windowMs / 1_000,
  remaining,
  waitMs,
  resetAt,
  nextAt,
});

/** The longer wait, then the smaller share left. */
function isTighter(a: RuleState, b: RuleState): boolean {
  if (a.waitMs !== b.waitMs) return a.waitMs > b.waitMs;
  return a.remaining * b.limit < b.remaining * a.limit;
}

/** Nothing was asked of the request: every rule it is subject to is open while the store is away. */
const unlimited = (now: number): RuleState => ({
  policy: 'none',
  limit: 0,
  windowSeconds: 0,
  remaining: 0,
  resetAt: now,
  nextAt: now,
  waitMs: 0,
});
