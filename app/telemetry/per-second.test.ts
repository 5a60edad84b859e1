import { expect, test } from 'vitest';
import { PerSecond } from './per-second.ts';

test('lets the first ones of each second through', () => {
  let now = 10_000;
  const lines = new PerSecond(3, () => now);
  expect(Array.from({ length: 5 }, () => lines.take())).toEqual([true, true, true, false, false]);
  now += 999;
  expect(lines.take()).toBe(false);
  now += 1;
  expect(lines.take()).toBe(true);
});
