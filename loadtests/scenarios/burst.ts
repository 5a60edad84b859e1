import type { Policy } from '../../contract/policies.ts';
import { quotaFor } from './admissions.ts';
import { loadRole } from './limits.ts';
import type { CaseOperation } from './requests.ts';

/** Intensive operations at once, by users who do their ordinary work beside it. */
export interface Burst {
  readonly users: number;
  readonly seconds: number;
  /** Requests of each class, and how many of them come through, per user. */
  readonly intensive: { readonly offered: number; readonly admitted: number };
  readonly ordinary: { readonly offered: number; readonly admitted: number };
}

/** Two users spend all of `intensive` within a few seconds, half as much again is denied; `default` is untouched. */
export function planBurst(policies: readonly Policy[]): Burst {
  const intensive = unitsOf(policies, 'intensive');
  const ordinary = Math.floor(unitsOf(policies, 'default') / 2);
  return {
    users: 2,
    seconds: 8,
    intensive: { offered: Math.ceil(intensive * 1.5), admitted: intensive },
    ordinary: { offered: ordinary, admitted: ordinary },
  };
}

/** Which intensive operation the n-th request is: searches, with an export and a sync now and then. */
export function intensiveAt(n: number): CaseOperation {
  return n % 10 === 4 ? 'sync' : n % 10 === 9 ? 'export' : 'search';
}

function unitsOf(policies: readonly Policy[], name: string): number {
  const policy = policies.find((candidate) => candidate.name === name);
  if (policy === undefined) throw new Error(`burst needs a policy named ${name}`);
  return Math.floor(quotaFor(policy, loadRole) / policy.cost);
}
