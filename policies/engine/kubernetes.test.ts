import { expect, test } from 'vitest';
import { environmentOf } from '../environments.ts';
import { compliantStack, object } from '../fixtures/stack.ts';
import {
  containers,
  kindOf,
  kubernetesKind,
  longRunning,
  namespaceOf,
  podTemplate,
  selects,
} from './kubernetes.ts';

const expression = (operator: string, ...values: string[]) => ({
  matchExpressions: [{ key: 'tier', operator, values }],
});

test.each([
  ['In', ['web'], true],
  ['In', ['db'], false],
  ['NotIn', ['db'], true],
  ['NotIn', ['web'], false],
  ['Exists', [], true],
  ['DoesNotExist', [], false],
  ['Sideways', [], false],
])('a selector with %s %j selects tier=web: %s', (operator, values, selected) => {
  expect(selects(expression(operator, ...values), { tier: 'web' })).toBe(selected);
});

test('an empty selector selects everything, labels must match exactly', () => {
  expect(selects({}, undefined)).toBe(true);
  expect(selects(undefined, { a: 'b' })).toBe(true);
  expect(selects({ matchLabels: { a: 'b' } }, { a: 'c' })).toBe(false);
  expect(selects(expression('Exists'), {})).toBe(false);
  expect(selects({ matchExpressions: [{ key: 'tier', operator: 'In' }] }, { tier: 'web' })).toBe(false);
  expect(selects({ matchExpressions: [{ operator: 'Exists' }] }, { tier: 'web' })).toBe(false);
});

test('kinds come from type tokens; what is no Kubernetes object has none', () => {
  const [namespace] = compliantStack();
  if (!namespace) throw new Error('a stack has resources');
  expect(kubernetesKind(namespace)).toEqual({ group: 'core/v1', kind: 'Namespace' });
  expect(kubernetesKind({ ...namespace, type: 'pulumi:pulumi:Stack' })).toBeNull();
  expect(kindOf({ ...namespace, type: 'simple378:index:Redis' })).toBe('simple378:index:Redis');
});

test('pods are found in whatever makes them', () => {
  const template = { spec: { containers: [{ name: 'main' }], initContainers: [{ name: 'before' }] } };
  const names = (kind: string, rest: object): unknown[] =>
    containers(object('v1', kind, 'x', rest)).map(({ name }) => name);
  expect(names('Job', { spec: { template } })).toEqual(['before', 'main']);
  expect(names('CronJob', { spec: { jobTemplate: { spec: { template } } } })).toEqual(['before', 'main']);
  expect(names('Pod', template)).toEqual(['before', 'main']);
  expect(podTemplate(object('v1', 'CronJob', 'x', { spec: {} }))).toEqual({});
  expect(podTemplate(object('v1', 'Job', 'x', {}))).toEqual({});
  expect(longRunning(object('v1', 'Job', 'x', {}))).toEqual([]);
  const sidecar = { name: 'beside', restartPolicy: 'Always' };
  const only = { spec: { initContainers: [{ name: 'before' }, sidecar] } };
  expect(longRunning(object('v1', 'Pod', 'x', only))).toEqual([sidecar]);
  expect(namespaceOf(object('v1', 'Job', 'x', { metadata: {} }))).toBe('default');
});

test('an unknown stack is judged as production', () => {
  expect(environmentOf('dev')).toBe('dev');
  expect(environmentOf('dev-new')).toBe('dev');
  expect(environmentOf('development')).toBe('prod');
  expect(environmentOf('organization/project')).toBe('prod');
  expect(environmentOf(undefined)).toBe('prod');
});
