import { Problem } from '../http/problem.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { WriteOutcome } from './case.ts';
import type { CaseStore } from './store.ts';

/**
 * Returns a check that refuses a write for which its owner has no room.
 * @throws Problem 403 that names the quota, its limit and the use
 */
export function quotaRefusal(
  { limits }: Pick<CaseStore, 'limits'>,
  metrics: Metrics,
): (outcome: WriteOutcome, extension?: object) => void {
  return (outcome, extension = {}) => {
    if (outcome.outcome !== 'over_quota') return;
    const { quota, used } = outcome;
    const limit = limits[quota];
    metrics.requests_refused_total.inc({ reason: `quota_${quota}` });
    throw new Problem(403, 'Quota exceeded', {
      detail: `Your quota of ${limit} ${quota === 'cases' ? 'cases' : 'bytes of cases'} is used up (${used} in use); delete cases to make room`,
      quota,
      limit,
      used,
      ...extension,
    });
  };
}
