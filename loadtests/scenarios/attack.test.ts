import { expect, test } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { attackAccounts, planAttack } from './attack.ts';
import { exceeded } from './traffic.ts';

test('nine tenths of the attack are over the limit, and the others below it', () => {
  const attack = planAttack(defaultPolicies);
  const offered = attack.rate * attack.seconds;
  expect(attack.seconds).toBeGreaterThan(60);
  expect(attack.admitted.least).toBeGreaterThanOrEqual(attack.attackers * 100);
  expect(attack.admitted.most).toBeLessThanOrEqual(attack.attackers * 200);
  expect(attack.admitted.most / offered).toBeLessThan(0.2);
  expect(exceeded(attack.others, defaultPolicies, 200)).toEqual([]);
});

test('each virtual user has an account that no attacker and no other has', () => {
  const { attackers, workers, others } = planAttack(defaultPolicies);
  expect(attackAccounts).toBe(attackers + workers + others.users);
});

test('without the policy there is nothing to attack', () => {
  expect(() => planAttack([])).toThrow('default');
});
