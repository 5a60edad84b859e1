import { expect, test } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { intensiveAt, planBurst } from './burst.ts';

test('a burst spends the whole quota, and half of the ordinary one', () => {
  expect(planBurst(defaultPolicies)).toEqual({
    users: 2,
    seconds: 8,
    intensive: { offered: 300, admitted: 200 },
    ordinary: { offered: 50, admitted: 50 },
  });
  expect(() => planBurst([])).toThrow('intensive');
});

test('all intensive operations share the quota', () => {
  const ten = Array.from({ length: 10 }, (_, n) => intensiveAt(n));
  expect(new Set(ten)).toEqual(new Set(['search', 'sync', 'export']));
});
