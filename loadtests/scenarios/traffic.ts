import { caseOperations } from '../../contract/metrics.ts';
import { type Policy, routeClasses } from '../../contract/policies.ts';
import { quotaFor } from './admissions.ts';
import { loadRole } from './limits.ts';
import type { CaseOperation } from './requests.ts';

/** A rate held, or reached by a straight line from the stage before when `ramp`. */
export interface Stage {
  /** Requests per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly ramp?: boolean;
}

/** Traffic of signed-in users over time; each user sends an equal part of it. */
export interface Profile {
  readonly users: number;
  readonly stages: readonly Stage[];
}

/** Parts of a hundred requests: a working day of case workers, some of them coming back online. */
export const weights: Readonly<Record<CaseOperation, number>> = {
  list: 25,
  read: 30,
  create: 12,
  update: 10,
  delete: 10,
  search: 8,
  sync: 4,
  export: 1,
};

/** The operations that count as `intensive`. */
const intensive: readonly CaseOperation[] = ['search', 'export', 'sync'];

/** The profiles by script; every user stays below its quota, which a test and the runner check. */
export const profiles = {
  mixed: { users: 20, stages: [{ rate: 16, seconds: 60 }] },
  soak: { users: 20, stages: [{ rate: 16, seconds: 1800 }] },
  // So few users that one address may log them in within a minute, so many that each stays within its limits.
  spike: {
    users: 25,
    stages: [
      { rate: 10, seconds: 20 },
      { rate: 100, seconds: 2, ramp: true },
      { rate: 100, seconds: 16 },
      { rate: 10, seconds: 2, ramp: true },
      { rate: 10, seconds: 20 },
    ],
  },
} as const satisfies Record<string, Profile>;

/**
 * The profile that a script sends, if it sends one of these.
 * @param seconds how long it shall last, when not as it says
 */
export function profileOf(script: string, seconds?: number): Profile | undefined {
  const profile = (profiles as Readonly<Record<string, Profile>>)[script];
  return profile === undefined || seconds === undefined ? profile : stretched(profile, seconds);
}

/** Each operation as often as its weight says, so that a place in this list is a draw by weight. */
const hundred: readonly CaseOperation[] = caseOperations.flatMap((operation) =>
  Array.from({ length: weights[operation] }, () => operation),
);

/** The operation of a user's n-th request: no random, well mixed, each operation in its proportion. */
export function operationAt(n: number): CaseOperation {
  // Steps of the golden ratio fill the interval evenly, whatever the number of steps.
  return hundred[Math.floor(((n * 0.618_033_988_749_895) % 1) * hundred.length)] ?? 'list';
}

/** A profile with its time stretched so that it lasts `seconds`. */
export function stretched(profile: Profile, seconds: number): Profile {
  const factor = seconds / totalSeconds(profile);
  return {
    ...profile,
    stages: profile.stages.map((s) => ({ ...s, seconds: Math.max(1, Math.round(s.seconds * factor)) })),
  };
}

/** How long a profile lasts. */
export function totalSeconds({ stages }: Profile): number {
  return stages.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** Most requests that a profile sends within any `windowSeconds`. */
export function mostInWindow(profile: Profile, windowSeconds: number): number {
  const rates = ratesBySecond(profile);
  const sums = rates.map((_, i) => rates.slice(i, i + windowSeconds).reduce((sum, rate) => sum + rate, 0));
  return Math.max(...sums);
}

/**
 * The policies that a profile would meet, so that 429s would be right and not a finding.
 * @param addresses how many client addresses the generator has
 */
export function exceeded(profile: Profile, policies: readonly Policy[], addresses: number): string[] {
  return policies
    .filter((policy) => policy.mode === 'enforce')
    .filter((policy) => demand(profile, policy, addresses) > quotaFor(policy, loadRole) * 0.95)
    .map(({ name }) => name);
}

function demand(profile: Profile, policy: Policy, addresses: number): number {
  const requests = mostInWindow(profile, policy.windowSeconds) * policy.cost;
  const perAddress = Math.min(addresses, profile.users);
  // Each user logs in once, at its first request.
  if ((routeClasses.login as readonly string[]).includes(policy.name)) {
    return policy.scope === 'account' ? 1 : profile.users / (policy.scope === 'ip' ? perAddress : 1);
  }
  // Users are signed in: no request of theirs is anonymous.
  if ((routeClasses.anonymous as readonly string[]).includes(policy.name)) return 0;
  if (policy.scope === 'global') return requests;
  return (requests / profile.users) * shareOf(policy.name);
}

function shareOf(policy: string): number {
  const heavy = intensive.reduce((sum, operation) => sum + weights[operation], 0) / 100;
  return policy === 'intensive' ? heavy : policy === 'default' ? 1 - heavy : 0;
}

function ratesBySecond({ stages }: Profile): number[] {
  let from = 0;
  return stages.flatMap(({ rate, seconds, ramp }) => {
    const start = ramp ? from : rate;
    from = rate;
    return Array.from({ length: seconds }, (_, i) => start + ((rate - start) * (i + 0.5)) / seconds);
  });
}
