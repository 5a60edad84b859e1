import type { Options } from 'k6/options';
import { thresholds } from './lib/objectives.ts';
import { account } from './lib/run.ts';
import { arrivals } from './lib/scenario.ts';
import { login } from './lib/session.ts';
import { summaryTrendStats } from './lib/summary.ts';
import { work } from './lib/worker.ts';
import { profiles } from './scenarios/traffic.ts';

export { handleSummary } from './lib/summary.ts';

// The traffic of `mixed` for half an hour (`--seconds` for longer): what leaks or drifts shows, and tokens are renewed.

export const options: Options = {
  scenarios: { users: arrivals(profiles.soak, 'users') },
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
  work(profiles.soak.users, (user) => login(account(user)));
}
