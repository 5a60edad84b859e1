import { atWork, withinLimits } from './lib/within-limits.ts';
import { profiles } from './scenarios/traffic.ts';

export { handleSummary } from './lib/summary.ts';

// The traffic of `mixed` for half an hour (`--seconds` for longer): what leaks or drifts shows, and tokens are renewed.

export const options = withinLimits(profiles.soak);
export const users = atWork(profiles.soak);
