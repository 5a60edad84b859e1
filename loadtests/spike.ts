import { atWork, withinLimits } from './lib/within-limits.ts';
import { profiles } from './scenarios/traffic.ts';

export { handleSummary } from './lib/summary.ts';

// Ten times the traffic from one second to the next: nobody within the limits is denied, and it is as before after it.

export const options = withinLimits(profiles.spike);
export const users = atWork(profiles.spike);
