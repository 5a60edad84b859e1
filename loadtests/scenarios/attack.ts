import type { Policy } from '../../contract/policies.ts';
import { type Admissions, expectedAdmissions, quotaFor } from './admissions.ts';
import { loadRole } from './limits.ts';
import type { Profile } from './traffic.ts';

/** Some users far over their limit, others at work beside them. */
export interface Attack {
  readonly attackers: number;
  /** Virtual users that send for the attackers. */
  readonly workers: number;
  /** Requests per second of all attackers together. */
  readonly rate: number;
  readonly seconds: number;
  /** Of all attackers together. */
  readonly admitted: Admissions;
  readonly others: Profile;
}

const attackers = 10;
/** Enough for ten times the default limit while an answer takes a fifth of a second. */
const workers = 30;
const atWork = 10;

/** Accounts of the attackers, and one for every virtual user: no two at work may ever be the same. */
export const attackAccounts = attackers + workers + atWork;

/** Ten attackers who each send ten times what `default` admits: nine tenths of it must be denied. */
export function planAttack(policies: readonly Policy[]): Attack {
  const policy = policies.find(({ name }) => name === 'default');
  if (policy === undefined) throw new Error('attack needs a policy named default');
  const own = { ...policy, quota: quotaFor(policy, loadRole) };
  const seconds = Math.max(60, Math.ceil(policy.windowSeconds * 1.25));
  const perAttacker = (10 * own.quota) / own.cost / policy.windowSeconds;
  const each = expectedAdmissions(own, perAttacker * seconds, seconds);
  return {
    attackers,
    workers,
    rate: Math.round(perAttacker * attackers),
    seconds,
    admitted: { least: each.least * attackers, most: each.most * attackers },
    others: { users: atWork, stages: [{ rate: 8, seconds }] },
  };
}
