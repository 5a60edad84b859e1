import { type Policy, subBuckets } from '../../contract/policies.ts';

/** Fewest and most requests that a policy may admit; equal where the arithmetic is exact. */
export interface Admissions {
  readonly least: number;
  readonly most: number;
}

/**
 * Admissions of one key, its window empty at first, when `offered` requests arrive evenly over `seconds`.
 *
 * Most: a window holds at most the quota, and `floor(seconds / window) + 1` windows cover the time.
 * Least: a request is denied only when a whole quota was admitted in the window and one sub-bucket before it,
 * so time is made of such stretches, and of gaps in which all that arrives is admitted; a gap loses less than
 * one request by rounding.
 * Both are the quota itself while the time is shorter than the window.
 */
export function expectedAdmissions(
  policy: Pick<Policy, 'quota' | 'windowSeconds' | 'cost'>,
  offered: number,
  seconds: number,
): Admissions {
  const perWindow = Math.floor(policy.quota / policy.cost);
  const longest = longestWaitSeconds(policy);
  const most = Math.min(offered, perWindow * (Math.floor(seconds / policy.windowSeconds) + 1));
  const arriveInLongest = Math.floor((offered / seconds) * longest) + 1;
  const least =
    arriveInLongest <= perWindow
      ? offered
      : Math.max(Math.min(offered, perWindow), Math.floor(((perWindow - 1) * seconds) / longest) - 1);
  return { least, most };
}

/** What the `r` values of all admitted requests of one window add up to, if each told the truth. */
export function remainingSum(policy: Pick<Policy, 'quota' | 'cost'>, admitted: number): number {
  return admitted * policy.quota - (policy.cost * admitted * (admitted + 1)) / 2;
}

/** The longest that a denied request is asked to wait, in seconds: the window and one sub-bucket. */
export function longestWaitSeconds(policy: Pick<Policy, 'windowSeconds'>): number {
  return policy.windowSeconds * (1 + 1 / subBuckets);
}

/** The quota of a user with a role; single users' quotas are not for load accounts. */
export function quotaFor(policy: Policy, role: string): number {
  return policy.roles?.[role] ?? policy.quota;
}
