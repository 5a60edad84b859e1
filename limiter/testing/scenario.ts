import fc from 'fast-check';
import { add, nextAt, resetAt, roll, type Window, waitUntil } from '../window.ts';

/** Unix milliseconds at which every scenario begins. */
export const start = 1_800_000_000_000;
/** Steps from milliseconds to more than a window, so that windows move by every distance. */
export const scenario = fc.record({
  quota: fc.integer({ min: 1, max: 200 }),
  windowSeconds: fc.constantFrom(1, 2, 60, 3_600),
  steps: fc.array(
    fc.record({
      wait: fc.double({ min: 0, max: 1.2, noNaN: true }),
      small: fc.boolean(),
      cost: fc.integer({ min: 1, max: 9 }),
    }),
    { minLength: 1, maxLength: 120 },
  ),
});

/** Returns the instants and costs of a scenario: mostly steps of less than a sub-bucket, some as long as the window. */
export function* instants({
  quota,
  windowSeconds,
  steps,
}: typeof scenario extends fc.Arbitrary<infer T> ? T : never) {
  let now = start;
  for (const { wait, small, cost } of steps) {
    now += Math.floor(wait * windowSeconds * 1_000 * (small ? 0.01 : 1));
    yield { now, cost: Math.min(cost, quota) };
  }
}

/** The state of a window after one request. */
export interface Verdict {
  readonly admitted: boolean;
  readonly remaining: number;
  readonly waitMs: number;
  readonly resetAt: number;
  readonly nextAt: number;
}

/** Decides one request by a window in this process. */
export function decideLocally(
  window: Window,
  bucketMs: number,
  now: number,
  quota: number,
  cost: number,
): Verdict {
  roll(window, bucketMs, now);
  const waitMs = waitUntil(window, bucketMs, now, quota - cost);
  if (waitMs === 0) add(window, cost);
  return {
    admitted: waitMs === 0,
    remaining: Math.max(0, quota - window.sum),
    waitMs,
    resetAt: resetAt(window, bucketMs, now),
    nextAt: nextAt(window, bucketMs, now),
  };
}
