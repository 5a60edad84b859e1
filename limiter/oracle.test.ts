import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideLocally, instants, scenario, start, type Verdict } from './testing/scenario.ts';
import { Log } from './testing/servers.ts';
import { bucketLength, emptyWindow } from './window.ts';

describe('the window', () => {
  test('never holds more than the quota, whatever window is laid over it', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const windowMs = given.windowSeconds * 1_000;
        const log = new Log();
        const state = emptyWindow();
        for (const { now, cost } of instants(given)) {
          if (decideLocally(state, bucketLength(windowMs), now, given.quota, cost).admitted)
            log.admit(now, cost);
        }
        expect(log.worst(windowMs)).toBeLessThanOrEqual(given.quota);
      }),
      { numRuns: 300 },
    );
  });

  test('admits whatever an exact log over one sub-bucket more would admit', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const windowMs = given.windowSeconds * 1_000;
        const bucketMs = bucketLength(windowMs);
        const log = new Log();
        const state = emptyWindow();
        for (const { now, cost } of instants(given)) {
          const fits = log.within(bucketMs * 61, now) + cost <= given.quota;
          const { admitted } = decideLocally(state, bucketMs, now, given.quota, cost);
          if (fits) expect(admitted).toBe(true);
          if (admitted) log.admit(now, cost);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('says the wait to the millisecond: one before it denies, at it admits', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const bucketMs = bucketLength(given.windowSeconds * 1_000);
        const state = emptyWindow();
        for (const { now, cost } of instants(given)) {
          const { admitted, waitMs } = decideLocally(state, bucketMs, now, given.quota, cost);
          if (admitted) continue;
          const at = (instant: number) =>
            decideLocally(structuredClone(state), bucketMs, instant, given.quota, cost).admitted;
          expect(waitMs).toBeGreaterThan(0);
          expect([at(now + waitMs - 1), at(now + waitMs)]).toEqual([false, true]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('gives nothing back without time passing, and never takes a reset back', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const bucketMs = bucketLength(given.windowSeconds * 1_000);
        const state = emptyWindow();
        let before: (Verdict & { now: number }) | undefined;
        for (const { now, cost } of instants(given)) {
          const verdict = decideLocally(state, bucketMs, now, given.quota, cost);
          if (before && before.now === now) expect(verdict.remaining).toBeLessThanOrEqual(before.remaining);
          if (before) expect(verdict.resetAt).toBeGreaterThanOrEqual(Math.min(before.resetAt, now));
          before = { ...verdict, now };
        }
      }),
      { numRuns: 300 },
    );
  });

  test('counts all units as consumed now when the clock went back', () => {
    const state = emptyWindow();
    decideLocally(state, 1_000, start, 3, 3);
    const verdict = decideLocally(state, 1_000, start - 3_600_000, 3, 1);
    expect(verdict).toMatchObject({ admitted: false, waitMs: 61_000 });
    expect(decideLocally(state, 1_000, start - 3_600_000 + 61_000, 3, 3).admitted).toBe(true);
  });
});
