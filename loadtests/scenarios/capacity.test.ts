import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Capacity, decisionsPerCore, limiterBytes, replicasFor, shardsFor } from './capacity.ts';

test('the formulas', () => {
  expect(limiterBytes(1_000, 2, 305)).toBe(610_000);
  expect(decisionsPerCore(3, 8)).toBe(41_666);
  expect(replicasFor(1000, 400)).toBe(4);
  expect(shardsFor(10, 3, 8)).toBe(1);
  // 50,000 · 3 · 8 µs are 1.2 cores, and each is to be busy for three fifths only.
  expect(shardsFor(50_000, 3, 8)).toBe(2);
});

test('memory per user is the same from a thousand users to a million', () => {
  const file = new URL('../capacity.json', import.meta.url);
  if (!existsSync(file)) return;
  const { memory } = JSON.parse(readFileSync(file, 'utf8')) as Capacity;
  const bytes = memory?.rows.map(({ bytesPerWindow }) => bytesPerWindow) ?? [];
  expect(bytes.length).toBeGreaterThanOrEqual(3);
  // Tables double now and then; more than a fifth of difference would mean that the formula is wrong.
  expect(Math.max(...bytes) / Math.min(...bytes)).toBeLessThan(1.2);
});
