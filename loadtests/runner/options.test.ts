import { expect, test } from 'vitest';
import { readOptions } from './options.ts';

test('a script and its options', () => {
  expect(readOptions(['limits', '--only', 'default,login', '--seconds', '30'])).toMatchObject({
    script: 'limits',
    only: ['default', 'login'],
    seconds: 30,
    shared: false,
    prepare: false,
  });
  expect(readOptions(['mixed', '--target', 'https://a', '--target', 'https://b'])?.target).toHaveLength(2);
  expect(readOptions(['limits', '--shared'])?.shared).toBe(true);
  expect(readOptions(['--help'])).toBeNull();
});

test.each([
  [[], 'name one script: limits'],
  [['limit'], '(not limit)'],
  [['limits', 'burst'], 'name one script'],
  [['soak', '--seconds', '0'], '--seconds takes a whole number'],
  [['soak', '--secnods', '9'], '--secnods'],
])('%j is refused', (args, message) => {
  expect(() => readOptions(args)).toThrow(message);
});
