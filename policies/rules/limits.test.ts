import { expect, test } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { environments } from '../../infra/settings/environments.ts';
import { violationsOf } from '../engine/evaluate.ts';
import type { Rule } from '../engine/rule.ts';
import { environmentConfig } from '../environments.ts';
import { type Break, changedStack, dropped, put } from '../fixtures/change.ts';
import { rules } from './index.ts';

const rule = rules.find(({ name }) => name === 'limits-within-capacity') as Rule;

/** Returns the rule's messages for shared limits that admit so many requests a second together. */
function said(perSecond: number, perReplica: number, ...changes: readonly Break[]): string[] {
  const limits = defaultPolicies.map((limit) =>
    limit.scope === 'global' ? { ...limit, quota: (perSecond * limit.windowSeconds) / 2 } : limit,
  );
  const stack = changedStack(
    put('ConfigMap/case-policies', 'data.policies\\.json', JSON.stringify(limits)),
    ...changes,
  );
  return violationsOf(rule, stack, { perReplica }).map(({ message }) => message);
}

const autoscaler = 'HorizontalPodAutoscaler/case-service';

test('the shared limits together may admit what the most replicas were tested with, and not more', () => {
  expect(said(1_200, 120)).toEqual([]);
  expect(said(1_202, 120)).toEqual([
    'policies.json: anonymous and global admit 1202/s together, the fleet was tested with 1200/s',
  ]);
});

test('a global limit that is only watched holds nothing back, whatever its quota', () => {
  const watched = defaultPolicies.map((limit) =>
    limit.scope === 'global' ? { ...limit, quota: 60, mode: 'shadow' } : limit,
  );
  expect(
    said(1, 120, put('ConfigMap/case-policies', 'data.policies\\.json', JSON.stringify(watched))),
  ).toEqual(['policies.json: anonymous is only watched', 'policies.json: global is only watched']);
});

test('the fleet is as large as its autoscaler may make it, else what its Deployment says', () => {
  expect(said(1_200, 120, put(autoscaler, 'spec.maxReplicas', 9))).toHaveLength(1);
  const alone = [{ remove: autoscaler }, put('Deployment/case-service', 'spec.replicas', 3)] as const;
  expect(said(360, 120, ...alone)).toEqual([]);
  expect(said(362, 120, ...alone)).toHaveLength(1);
  expect(said(122, 120, { remove: autoscaler })).toHaveLength(1);
  expect(said(122, 120, dropped(autoscaler, 'spec.maxReplicas'))).toHaveLength(1);
});

test('without a load test there is no claim to hold a limit to', () => {
  expect(said(1_000_000, 0)).toEqual([]);
});

test('every environment is held to the load test that was run', () => {
  for (const environment of environments)
    expect(environmentConfig[environment]['limits-within-capacity']?.['perReplica']).toBeGreaterThan(0);
});
