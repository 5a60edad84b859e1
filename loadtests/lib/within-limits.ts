import type { Options } from 'k6/options';
import type { Profile } from '../scenarios/traffic.ts';
import { thresholds } from './objectives.ts';
import { account } from './run.ts';
import { arrivals } from './scenario.ts';
import { iteration, judged } from './script.ts';
import { login } from './session.ts';
import { work } from './worker.ts';

/** Users at work who stay within their limits: none is denied, none is refused, and the objectives hold. */
export function withinLimits(profile: Profile): Options {
  return judged({
    scenarios: { users: arrivals(profile, 'users') },
    thresholds: {
      rate_limited: ['count==0'],
      unexpected_answers: ['count==0'],
      dropped_iterations: ['count==0'],
      truthful_headers: ['rate==1'],
      ...thresholds('users'),
    },
  });
}

/** What each of these users does, once per arrival. */
export function atWork({ users }: Profile): () => void {
  return iteration(() => work(users, (user) => login(account(user))));
}
