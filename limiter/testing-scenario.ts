import fc from 'fast-check';
import { consume, roll, type Verdict, type WindowState } from './window.ts';

/** Where every scenario begins, Unix milliseconds. */
export const start = 1_800_000_000_000;
/** Steps from moments to more than a window, so that rolls of every size happen. */
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

/** The instants and costs of a scenario: mostly steps of less than a sub-bucket, some as long as the window. */
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

/** What the local limiter says of one request. */
export const local = (
  state: WindowState,
  bucketMs: number,
  now: number,
  quota: number,
  cost: number,
): Verdict => {
  roll(state, bucketMs, now);
  return consume(state, bucketMs, now, { quota, cost });
};
