import { type Decision, isTighter, type RuleState } from './decision.ts';

/**
 * Returns the rate-limit fields of an answer: `X-RateLimit-*` for the tightest rule, and the fields of the IETF draft
 * (draft-ietf-httpapi-ratelimit-headers-10) for every rule. No fields when no rule binds. The window of an account that is
 * not signed in yet is shown only when it denies, because it would show that somebody else signs in.
 * @param isStranger true for a sender without an identity: no shared window is shown, because its rest would help an attacker
 */
export function rateLimitHeaders(
  { outcome, rules, now }: Pick<Decision, 'outcome' | 'rules' | 'now'>,
  isStranger = false,
): Record<string, string> {
  let tightest: RuleState | undefined;
  let policies = '';
  let limits = '';
  for (const rule of rules) {
    if (isHidden(rule, outcome, isStranger)) continue;
    const { policy, limit, windowSeconds, remaining } = rule;
    const comma = policies === '' ? '' : ', ';
    policies += `${comma}"${policy}";q=${limit};w=${windowSeconds}`;
    limits += `${comma}"${policy}";r=${remaining};t=${secondsUntilMore(rule, now)}`;
    if (tightest === undefined || isTighter(rule, tightest)) tightest = rule;
  }
  if (tightest === undefined) return {};
  return {
    'x-ratelimit-limit': String(tightest.limit),
    'x-ratelimit-remaining': String(tightest.remaining),
    // Epoch seconds of a stored instant, so that it does not change from answer to answer.
    'x-ratelimit-reset': String(Math.ceil(tightest.resetAt / 1_000)),
    'ratelimit-policy': policies,
    ratelimit: limits,
  };
}

/** Returns the seconds after which a refused request is admitted, rounded up so that waiting that long is enough. */
export const retryAfterSeconds = ({ retryAfterMs }: Pick<Decision, 'retryAfterMs'>): number =>
  Math.max(1, Math.ceil(retryAfterMs / 1_000));

function isHidden({ scope, waitMs }: RuleState, outcome: Decision['outcome'], isStranger: boolean): boolean {
  if (scope === 'account') return outcome !== 'deny' || waitMs === 0;
  return isStranger && (scope === 'global' || scope === 'endpoint');
}

/** Returns the seconds until additional quota becomes available, the draft's meaning of `t`. */
const secondsUntilMore = ({ nextAt, waitMs }: RuleState, now: number): number =>
  Math.ceil(Math.max(0, nextAt - now, waitMs) / 1_000);
