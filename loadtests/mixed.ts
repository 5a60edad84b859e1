import { atWork, withinLimits } from './lib/within-limits.ts';
import { profiles } from './scenarios/traffic.ts';

export { handleSummary } from './lib/summary.ts';

// A working day of case workers, compressed: login, cases, search, sync; all within the limits, so none is denied.

export const options = withinLimits(profiles.mixed);
export const users = atWork(profiles.mixed);
