import { expect, test } from 'vitest';
import { maxConnections, memoryLimit } from './memory.ts';

test.each([
  [0, Number.POSITIVE_INFINITY],
  [2 ** 63, Number.POSITIVE_INFINITY],
  [256 * 2 ** 20, 256 * 2 ** 20],
])('a container of %i bytes leaves %i', (container, limit) => {
  expect(memoryLimit(container)).toBe(limit);
});

test('connections fit into the memory there is', () => {
  expect(maxConnections(Number.POSITIVE_INFINITY)).toBe(4_096);
  expect(maxConnections(64 * 2 ** 20)).toBe(256);
  const small = maxConnections(256 * 2 ** 20);
  expect(small).toBeGreaterThan(1_000);
  expect(170e6 + small * 60e3).toBeLessThan(0.9 * 256 * 2 ** 20);
});
