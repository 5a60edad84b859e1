import { expect, test } from 'vitest';
import { holes } from './holes.ts';

const period = { start: 1_000, end: 4_000, step: 300 };
const steps = (...missing: number[]) => {
  const all = Array.from({ length: 11 }, (_, n) => 1_000 + n * 300);
  return new Set(all.filter((at) => !missing.includes(at)));
};

test('what lasts longer than ten minutes is a hole, also at either end', () => {
  expect(holes(steps(), period)).toEqual([]);
  expect(holes(steps(1_600, 1_900), period)).toEqual([]);
  expect(holes(steps(1_600, 1_900, 2_200, 3_100), period)).toEqual([[1_600, 2_200]]);
  expect(holes(steps(1_000, 1_300, 1_600, 3_400, 3_700, 4_000), period)).toEqual([
    [1_000, 1_600],
    [3_400, 4_000],
  ]);
  expect(holes(new Set(), period)).toEqual([[1_000, 4_000]]);
});
