import { expect, test, vi } from 'vitest';
import { counted } from './counted.ts';

test('an exception is counted and goes on', () => {
  const count = vi.fn();
  const run = counted(count, (n: number) => {
    if (n < 0) throw new Error('refresh answered 401');
  });
  run(1);
  expect(count).not.toHaveBeenCalled();
  expect(() => run(-1)).toThrow('refresh answered 401');
  expect(count).toHaveBeenCalledOnce();
});
