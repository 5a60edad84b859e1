import fc from 'fast-check';
import { expect, test } from 'vitest';
import { subBuckets } from '../../contract/policies.ts';
import { expectedAdmissions, longestWaitSeconds, remainingSum } from './admissions.ts';

/** The limiter's algorithm, in the plainest words: sub-buckets, the oldest counted in full. */
function simulate(policy: { quota: number; windowSeconds: number; cost: number }, arrivals: number[]) {
  const bucket = policy.windowSeconds / subBuckets;
  const consumed = new Map<number, number>();
  const remaining: number[] = [];
  for (const at of arrivals) {
    const now = Math.floor(at / bucket);
    let sum = 0;
    for (const [index, units] of consumed) if (index >= now - subBuckets) sum += units;
    if (sum + policy.cost > policy.quota) continue;
    consumed.set(now, (consumed.get(now) ?? 0) + policy.cost);
    remaining.push(policy.quota - sum - policy.cost);
  }
  return remaining;
}

const policies = fc.record({
  quota: fc.integer({ min: 3, max: 60 }),
  windowSeconds: fc.integer({ min: 1, max: 120 }),
  cost: fc.integer({ min: 1, max: 3 }),
});

test('the limiter stays within the bounds for any even arrival', () => {
  fc.assert(
    fc.property(
      policies,
      fc.integer({ min: 1, max: 500 }),
      fc.double({ min: 0.1, max: 400, noNaN: true }),
      fc.double({ min: 0, max: 1000, noNaN: true }),
      (policy, offered, seconds, start) => {
        const arrivals = Array.from({ length: offered }, (_, i) => start + (i * seconds) / offered);
        const admitted = simulate(policy, arrivals).length;
        const { least, most } = expectedAdmissions(policy, offered, seconds);
        expect(admitted).toBeGreaterThanOrEqual(least);
        expect(admitted).toBeLessThanOrEqual(most);
      },
    ),
  );
});

test('below one window the arithmetic is exact, and truthful remainders have one sum', () => {
  fc.assert(
    fc.property(policies, fc.integer({ min: 1, max: 200 }), (policy, offered) => {
      const seconds = policy.windowSeconds * 0.8;
      const expected = expectedAdmissions(policy, offered, seconds);
      expect(expected.least).toBe(expected.most);
      const remaining = simulate(
        policy,
        Array.from({ length: offered }, (_, i) => (i * seconds) / offered),
      );
      expect(remaining).toHaveLength(expected.most);
      expect(remainingSum(policy, expected.most)).toBe(remaining.reduce((sum, r) => sum + r, 0));
    }),
  );
});

test('the figures of the default policy', () => {
  const policy = { quota: 100, windowSeconds: 60, cost: 1 };
  expect(expectedAdmissions(policy, 150, 10)).toEqual({ least: 100, most: 100 });
  expect(expectedAdmissions(policy, 90, 10)).toEqual({ least: 90, most: 90 });
  expect(expectedAdmissions(policy, 1000, 122)).toEqual({ least: 197, most: 300 });
  expect(remainingSum(policy, 100)).toBe(4950);
  expect(longestWaitSeconds(policy)).toBe(61);
});
