import { expect, test } from 'vitest';
import { changeOf, markdown } from './changes.ts';

const path = 'rendered/prod/redis/statefulset-redis.yaml';
const redis = (size: string, image = 'redis:8') => ({
  kind: 'StatefulSet',
  metadata: { name: 'redis' },
  spec: {
    template: { image },
    volumeClaimTemplates: [{ spec: { resources: { requests: { storage: size } } } }],
  },
});

test('a change in place, with its field', () => {
  expect(changeOf(path, redis('1Gi'), redis('1Gi', 'redis:9'))).toEqual({
    environment: 'prod',
    file: 'redis/statefulset-redis.yaml',
    kind: 'StatefulSet',
    what: 'changed',
    fields: ['spec.template.image'],
    data: true,
  });
  expect(changeOf(path, redis('1Gi'), redis('1Gi'))).toBeNull();
});

test('an immutable field, or another name, replaces', () => {
  expect(changeOf(path, redis('1Gi'), redis('2Gi'))?.what).toBe('replaced');
  const renamed = { ...redis('1Gi'), metadata: { name: 'store' } };
  expect(changeOf(path, redis('1Gi'), renamed)?.what).toBe('replaced');
  expect(
    changeOf(path, { kind: 'Service', spec: { ports: [1] } }, { kind: 'Service', spec: { ports: [2] } })
      ?.what,
  ).toBe('changed');
});

test('what endangers data comes first and is flagged', () => {
  const changes = [
    changeOf('rendered/dev/app/service-a.yaml', undefined, { kind: 'Service' }),
    changeOf(path, redis('1Gi'), undefined),
    changeOf(
      'rendered/prod/app/configmap-a.yaml',
      { kind: 'ConfigMap', data: { a: 1 } },
      { kind: 'ConfigMap', data: {} },
    ),
  ].filter((change) => change !== null);
  const text = markdown(changes);
  expect(text).toContain('**1 changes touch data or replace objects');
  expect(text).toContain('#### dev: 1 objects');
  expect(text).toContain('| ⛔ | removed | `redis/statefulset-redis.yaml` |');
  expect(text.indexOf('statefulset-redis')).toBeLessThan(text.indexOf('configmap-a'));
  expect(text).toContain('`data.a`');
  expect(markdown([])).toContain('Nothing changes');
});
