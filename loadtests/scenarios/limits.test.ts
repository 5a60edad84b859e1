import { expect, test } from 'vitest';
import { defaultPolicies, type Policy } from '../../contract/policies.ts';
import { planLimits } from './limits.ts';

test('every default policy gets a probe that ends within its window', () => {
  const { probes, skipped } = planLimits(defaultPolicies, 200);
  expect(skipped.map(({ policy }) => policy)).toEqual(['global']);
  expect(Object.fromEntries(probes.map(({ policy, admitted }) => [policy, admitted]))).toMatchObject({
    default: 100,
    intensive: 200,
    login: 10,
    'login-address': 30,
    // Without the reserve, which is for sources that send little.
    'login-endpoint': 300,
    address: 6_000,
    anonymous: 10_000,
  });
  for (const probe of probes) {
    const policy = defaultPolicies.find(({ name }) => name === probe.policy) as Policy;
    expect(probe.offered).toBeGreaterThan(probe.admitted);
    expect(probe.seconds).toBeLessThan(policy.windowSeconds);
  }
});

test('shared windows are empty when their probe starts', () => {
  const { probes } = planLimits(defaultPolicies, 200);
  const of = (name: string) => probes.find(({ policy }) => policy === name) as (typeof probes)[number];
  const end = (name: string) => of(name).start + of(name).seconds;
  for (const name of ['default', 'intensive', 'login', 'login-address']) {
    expect(of('login-endpoint').start).toBeGreaterThan(end(name) + 61);
  }
  for (const name of ['address', 'login-endpoint']) {
    expect(of('anonymous').start).toBeGreaterThan(end(name) + 61);
  }
});

test('a login probe stays below the other login policies', () => {
  const { probes } = planLimits(defaultPolicies, 200);
  const login = (name: string) => probes.find(({ policy }) => policy === name) as (typeof probes)[number];
  expect(login('login').accounts).toBe(1);
  for (const name of ['login-address', 'login-endpoint']) {
    expect(login(name).offered / login(name).accounts).toBeLessThan(10);
  }
  expect(login('login').offered).toBeLessThan(600 - login('login-address').offered);
});

test('one address: what cannot be tested is said', () => {
  const { probes, skipped } = planLimits(defaultPolicies, 1);
  expect(skipped.map(({ policy }) => policy)).toEqual(['login-endpoint', 'anonymous', 'global']);
  const address = probes.find(({ policy }) => policy === 'login-address');
  expect(address?.start).toBeGreaterThan(61);
});

test('a shared window is empty even when its probe is the first', () => {
  const [probe] = planLimits(
    defaultPolicies.filter(({ name }) => name === 'anonymous'),
    200,
  ).probes;
  expect(probe?.start).toBeGreaterThan(61);
});

test('odd policies are skipped with a reason', () => {
  const [base] = defaultPolicies as [Policy];
  const odd = [
    { ...base, windowSeconds: 1 },
    { ...base, name: 'custom' },
    { ...base, mode: 'shadow' as const },
  ];
  expect(planLimits(odd, 200).skipped).toHaveLength(3);
  expect(planLimits(odd, 200).seconds).toBe(0);
  expect(planLimits([{ ...base, roles: { caseworker: 40 } }], 200).probes[0]?.admitted).toBe(40);
});
