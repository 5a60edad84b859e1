import { expect, test } from 'vitest';
import { caseOperations } from '../../contract/metrics.ts';
import { defaultPolicies } from '../../contract/policies.ts';
import {
  exceeded,
  mostInWindow,
  operationAt,
  type Profile,
  profileOf,
  profiles,
  stretched,
  weights,
} from './traffic.ts';

test('weights are parts of a hundred, and the sequence keeps them', () => {
  expect(Object.values(weights).reduce((sum, w) => sum + w, 0)).toBe(100);
  const seen = Array.from({ length: 1000 }, (_, n) => operationAt(n));
  for (const operation of caseOperations) {
    const count = seen.filter((o) => o === operation).length;
    expect(Math.abs(count - weights[operation] * 10)).toBeLessThanOrEqual(15);
  }
});

test.each(Object.entries(profiles))(
  '%s stays within the default policies, from one address too',
  (_, profile) => {
    expect(exceeded(profile, defaultPolicies, 200)).toEqual([]);
    expect(exceeded(profile, defaultPolicies, 1)).toEqual([]);
  },
);

test('a profile that would meet a policy is found', () => {
  expect(exceeded({ users: 2, stages: [{ rate: 16, seconds: 60 }] }, defaultPolicies, 200)).toEqual([
    'default',
  ]);
  expect(exceeded({ ...profiles.spike, users: 60 }, defaultPolicies, 1)).toEqual(['login-address']);
  expect(exceeded(profileOf('spike', 600) as Profile, defaultPolicies, 200)).toEqual(['default']);
  const shadowed = defaultPolicies.map((policy) => ({ ...policy, mode: 'shadow' as const }));
  expect(exceeded({ users: 1, stages: [{ rate: 1000, seconds: 60 }] }, shadowed, 1)).toEqual([]);
});

test('arithmetic of stages', () => {
  const profile = {
    users: 1,
    stages: [
      { rate: 10, seconds: 10 },
      { rate: 20, seconds: 10, ramp: true },
    ],
  };
  expect(mostInWindow(profile, 10)).toBe(150);
  expect(stretched(profile, 40).stages.map(({ seconds }) => seconds)).toEqual([20, 20]);
});
