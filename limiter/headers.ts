import type { Decision, RuleState } from './decision.ts';

/**
 * The rate-limit fields of an answer: the house's `X-RateLimit-*` for the tightest rule, and the IETF draft's
 * (draft-ietf-httpapi-ratelimit-headers-10) for every rule.
 */
export function rateLimitHeaders({ tightest, rules, now }: Decision): Record<string, string> {
  const fields: Record<string, string> = {
    'x-ratelimit-limit': String(tightest.limit),
    'x-ratelimit-remaining': String(tightest.remaining),
    // Epoch seconds of an instant that is stored, so that it does not wobble from answer to answer.
    'x-ratelimit-reset': String(Math.ceil(tightest.resetAt / 1_000)),
  };
  if (rules.length === 0) return fields;
  let policies = '';
  let limits = '';
  for (const rule of rules) {
    const { policy, limit, windowSeconds, remaining } = rule;
    const comma = policies === '' ? '' : ', ';
    policies += `${comma}"${policy}";q=${limit};w=${windowSeconds}`;
    limits += `${comma}"${policy}";r=${remaining};t=${secondsUntilMore(rule, now)}`;
  }
  fields['ratelimit-policy'] = policies;
  fields.ratelimit = limits;
  return fields;
}

/** Seconds after which a refused request is admitted: rounded up, so that who keeps to it is not refused again. */
export const retryAfterSeconds = ({ retryAfterMs }: Decision): number =>
  Math.max(1, Math.ceil(retryAfterMs / 1_000));

/** Seconds until additional quota becomes available (draft-10's meaning of `t`). */
const secondsUntilMore = ({ nextAt, waitMs }: RuleState, now: number): number =>
  Math.ceil(Math.max(0, nextAt - now, waitMs) / 1_000);
