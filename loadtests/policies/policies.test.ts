import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { defaultPolicies, type Policy } from '../../contract/policies.ts';
import { readPoliciesFile } from '../../infra/local/policies-file.ts';
import { rampProfile } from '../scenarios/breakpoint.ts';
import { planLimits } from '../scenarios/limits.ts';
import { exceeded } from '../scenarios/traffic.ts';

const read = (file: string): readonly Policy[] =>
  readPoliciesFile(fileURLToPath(new URL(file, import.meta.url)));

test('a small machine gets the default policies, less what it cannot send', () => {
  const small = read('small-machine.json');
  const scaled = small.filter(({ name, quota }) => quotaOf(defaultPolicies, name) !== quota);
  expect(scaled.map(({ name }) => name)).toEqual(['address', 'anonymous', 'global']);
  expect(unscaled(small)).toEqual(unscaled(defaultPolicies));
});

test('each of its policies is put to the test, and no probe meets `anonymous` before its own', () => {
  const { probes, skipped } = planLimits(read('small-machine.json'), 1000);
  expect(skipped.map(({ policy }) => policy)).toEqual(['global']);
  const others = probes.filter(({ routeClass, scope }) => routeClass === 'anonymous' && scope !== 'global');
  for (const start of new Set(others.map((probe) => probe.start))) {
    const sent = others.filter((p) => Math.abs(p.start - start) < 60).reduce((sum, p) => sum + p.offered, 0);
    expect(sent).toBeLessThan(quotaOf(read('small-machine.json'), 'anonymous') * 0.45);
  }
});

test('without limits the steepest ramp meets none, and with the default ones it does', () => {
  expect(exceeded(rampProfile(999_999), read('no-limits.json'), 1)).toEqual([]);
  expect(exceeded(rampProfile(), defaultPolicies, 1000)).toContain('default');
});

/** All of the policies but their quotas, in the order of their names. */
function unscaled(policies: readonly Policy[]) {
  return policies.map(({ quota, ...rest }) => rest).sort((one, other) => one.name.localeCompare(other.name));
}

function quotaOf(policies: readonly Policy[], wanted: string): number {
  return policies.find(({ name }) => name === wanted)?.quota ?? 0;
}
