import { expect, test } from 'vitest';
import { changesOf } from './changes.ts';
import { loadSettings } from './load.ts';

test('values of the command line are JSON where they can be, else text', () => {
  expect(
    changesOf(['app.replicas=3', 'app.image=a/b:1', 'cluster.podCidrs=["10.0.0.0/8"]', 'namespace=']),
  ).toEqual({
    'app.replicas': 3,
    'app.image': 'a/b:1',
    'cluster.podCidrs': ['10.0.0.0/8'],
    namespace: '',
  });
  expect(loadSettings('dev', changesOf(['app.replicas=3'])).app.replicas).toBe(3);
});

test.each(['app.replicas', '=3'])('%s names no key and value', (pair) => {
  expect(() => changesOf([pair])).toThrow('expected KEY=VALUE');
});
