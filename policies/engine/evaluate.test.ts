import { expect, test } from 'vitest';
import { changedStack } from '../fixtures/change.ts';
import { compliantStack } from '../fixtures/stack.ts';
import { rules } from '../rules/index.ts';
import { evaluate, holds, withDefaults } from './evaluate.ts';
import type { Waiver } from './rule.ts';
import { guarded, isUnknown, UnknownValue, unknownString } from './unknown.ts';

const uidZero = changedStack({
  at: 'Deployment/case-service',
  path: 'spec.template.spec.securityContext.runAsUser',
  value: 0,
});
const waiver: Waiver = {
  rule: 'pod-runs-as-non-root',
  resource: 'Deployment/case-*',
  environments: ['prod'],
  reason: 'an example',
  owner: 'platform team',
  expires: '2027-01-31',
};
const judge = (today: string, waivers: readonly Waiver[] = [waiver]) =>
  evaluate(uidZero, { environment: 'prod', rules, waivers, today });

test('a waiver covers its rule and resource on its last day, and is named in the finding', () => {
  const findings = judge('2027-01-31');
  expect(findings).toHaveLength(1);
  expect(findings[0]?.waiver).toBe(waiver);
  expect(holds(findings)).toBe(true);
});

test('a day later the violation is back, and the ended waiver is one itself', () => {
  const findings = judge('2027-02-01');
  expect(findings.map(({ rule }) => rule)).toEqual(['pod-runs-as-non-root', 'waiver-in-force']);
  expect(findings[1]?.message).toContain('platform team');
  expect(holds(findings)).toBe(false);
});

test.each([
  ['another rule', { ...waiver, rule: 'pod-seccomp-profile' }],
  ['another resource', { ...waiver, resource: 'Deployment/redis' }],
  ['another environment', { ...waiver, environments: ['dev'] as const }],
])('a waiver for %s covers nothing', (_what, other) => {
  expect(holds(judge('2026-12-01', [other]))).toBe(false);
});

test('an advisory finding does not stop a deployment, a disabled rule finds nothing', () => {
  const plainClass = changedStack({
    at: 'PersistentVolumeClaim/backup',
    path: 'spec.storageClassName',
    value: 'standard',
  });
  const findings = evaluate(plainClass, { environment: 'dev', rules });
  expect(findings.map(({ rule, level }) => [rule, level])).toEqual([['storage-encrypted', 'advisory']]);
  expect(holds(findings)).toBe(true);
  const signed = changedStack({ add: { type: 'tls:index/selfSignedCert:SelfSignedCert', props: {} } });
  expect(evaluate(signed, { environment: 'local', rules })).toEqual([]);
  expect(evaluate(signed, { environment: 'prod', rules })).toHaveLength(1);
});

test('rules on resource options do not run where only manifests are known', () => {
  const unprotected = changedStack({ at: 'StatefulSet/redis', protect: false });
  expect(evaluate(unprotected, { environment: 'prod', rules })).toHaveLength(1);
  expect(evaluate(unprotected, { environment: 'prod', rules, options: false })).toEqual([]);
});

test('settings of an environment win over the defaults of a rule', () => {
  const config = { 'case-service-replicas': { minimum: 4 } };
  const findings = evaluate(compliantStack(), { environment: 'prod', rules, config });
  expect(findings.map(({ message }) => message)).toEqual(['3 replicas, fewer than 4']);
});

test('a resource whose own name is unknown is reported by the name it was registered under', () => {
  const nameless = changedStack({ at: 'Service/redis', path: 'metadata.name', value: unknownString });
  const [finding] = evaluate(nameless, { environment: 'prod', rules });
  expect(finding?.resource).toBe('Service/redis');
});

test('an error inside a rule is no finding but an error', () => {
  const [rule] = rules;
  if (rule?.scope !== 'resource') throw new Error('the first rule looks at resources');
  const failing = { ...rule, check: () => JSON.parse('{') as string[] };
  expect(() => evaluate(compliantStack(), { environment: 'prod', rules: [failing] })).toThrow(SyntaxError);
});

test('the view refuses unknowns, unwraps secrets, and passes what it may', () => {
  const secret = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', value: 'hidden' };
  const [first] = compliantStack();
  if (!first) throw new Error('a stack has resources');
  const props = { a: { b: unknownString, list: [1, unknownString] }, secret, when: null };
  const view = guarded({ ...first, props }, [{ path: 'a.b', reason: 'a test' }]).props as typeof props;
  expect(view.secret).toBe('hidden');
  expect(view.when).toBeNull();
  expect(isUnknown(view.a.b)).toBe(true);
  expect(() => view.a.list.map((item) => item)).toThrow(UnknownValue);
  expect(() => JSON.stringify(view.a.list)).toThrow('a.list.1 is not known');
});

test('every setting of a rule has a default and a description', () => {
  for (const rule of rules)
    for (const [name, property] of Object.entries(rule.config?.properties ?? {})) {
      expect(withDefaults(rule, undefined)[name], `${rule.name}.${name}`).toBe(property.default);
      expect(property.description).not.toBe('');
    }
});
