import { expect, test } from 'vitest';
import { testedPerReplica } from './capacity.ts';

test('what one replica carried is known where a load test was run, and is no error where none was', () => {
  expect(testedPerReplica()).toBeGreaterThan(0);
  expect(testedPerReplica(new URL('no-such-file.json', import.meta.url))).toBeUndefined();
});
