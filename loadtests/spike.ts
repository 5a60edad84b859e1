import type { Options } from 'k6/options';
import { thresholds } from './lib/objectives.ts';
import { account } from './lib/run.ts';
import { arrivals } from './lib/scenario.ts';
import { login } from './lib/session.ts';
import { summaryTrendStats } from './lib/summary.ts';
import { work } from './lib/worker.ts';
import { profiles } from './scenarios/traffic.ts';

export { handleSummary } from './lib/summary.ts';

// Ten times the traffic from one second to the next: nobody within the limits is denied, and it is as before after it.

export const options: Options = {
  scenarios: { users: arrivals(profiles.spike, 'users') },
  thresholds: {
    rate_limited: ['count==0'],
    unexpected_answers: ['count==0'],
    dropped_iterations: ['count==0'],
    truthful_headers: ['rate==1'],
    ...thresholds('users'),
  },
  summaryTrendStats,
};

export function users(): void {
  work(profiles.spike.users, (user) => login(account(user)));
}
