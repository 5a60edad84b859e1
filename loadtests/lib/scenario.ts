import type { Scenario } from 'k6/options';
import { type Profile, stretched } from '../scenarios/traffic.ts';
import { run } from './run.ts';

/** A profile as a k6 scenario of open-loop arrivals, one virtual user per account. */
export function arrivals(profile: Profile, exec: string): Scenario {
  const { users, stages } = run.seconds === undefined ? profile : stretched(profile, run.seconds);
  return {
    executor: 'ramping-arrival-rate',
    exec,
    startRate: stages[0]?.rate ?? 1,
    timeUnit: '1s',
    // Arrival-rate executors take virtual users in turn, so each account sends an equal part.
    preAllocatedVUs: users,
    maxVUs: users,
    // A stage of no length is k6's way to say a jump.
    stages: stages.flatMap(({ rate, seconds, ramp }) =>
      ramp
        ? [{ target: rate, duration: `${seconds}s` }]
        : [
            { target: rate, duration: '0s' },
            { target: rate, duration: `${seconds}s` },
          ],
    ),
  };
}
