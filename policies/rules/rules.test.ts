import { expect, test } from 'vitest';
import { evaluate, violationsOf, withDefaults } from '../engine/evaluate.ts';
import { unknownString } from '../engine/unknown.ts';
import { broken } from '../fixtures/broken.ts';
import { changedStack } from '../fixtures/change.ts';
import { compliantStack } from '../fixtures/stack.ts';
import type { RuleName } from './index.ts';
import { rules } from './index.ts';

test('there are at least 35 rules, with unique names that Pulumi accepts', () => {
  expect(rules.length).toBeGreaterThanOrEqual(35);
  expect(new Set(rules.map(({ name }) => name)).size).toBe(rules.length);
  for (const { name } of rules) expect(name).toMatch(/^[a-z][a-z-]{1,99}$/);
});

test('the compliant stack breaks no rule', () => {
  expect(evaluate(compliantStack(), { environment: 'prod', rules })).toEqual([]);
});

test('every resource rule looks at something: in the compliant stack, or in its failing fixture', () => {
  const seen = [...compliantStack(), ...rules.flatMap(({ name }) => stacksOf(name).flat())];
  for (const rule of rules)
    if (rule.scope === 'resource')
      expect(
        seen.some((one) => rule.applies(one)),
        rule.name,
      ).toBe(true);
});

for (const rule of rules) {
  const { fails, unknown } = broken[rule.name as RuleName];
  const config = withDefaults(rule, {});

  for (const [what, says, ...changes] of fails)
    test(`${rule.name} reports: ${what}`, () => {
      const found = violationsOf(rule, changedStack(...changes), config);
      expect(found.map(({ message }) => message)).toContainEqual(expect.stringMatching(says));
      expect(found.some((one) => one.unknown)).toBe(false);
    });

  if (!('none' in unknown))
    test(`${rule.name}: an unknown value is a violation`, () => {
      const found = violationsOf(rule, changedStack(unknown), config);
      expect(found).toContainEqual(
        expect.objectContaining({ unknown: true, message: expect.stringMatching(/is not known before/) }),
      );
    });
}

test('the rules that no unknown value can trouble are these, each with its reason', () => {
  const untroubled = Object.entries(broken).filter(([, { unknown }]) => 'none' in unknown);
  expect(untroubled.map(([name]) => name)).toEqual([
    'no-bare-pod',
    'secret-text-is-managed',
    'no-generated-issuer',
    'data-protected',
    'redis-users-least',
  ]);
});

test('what may be unknown is passed, and only there', () => {
  const paths = rules.flatMap(({ mayBeUnknown = [] }) => mayBeUnknown);
  for (const { reason } of paths) expect(reason.length).toBeGreaterThan(20);
  const generated = changedStack(
    { at: 'Secret/redis-acl', path: 'stringData.users\\.acl', value: unknownString },
    { at: 'Secret/case-secrets', path: 'stringData.csrf-key', value: unknownString },
  );
  expect(evaluate(generated, { environment: 'prod', rules })).toEqual([]);
});

function stacksOf(name: string): ReturnType<typeof changedStack>[] {
  return broken[name as RuleName].fails.map(([, , ...changes]) => changedStack(...changes));
}
