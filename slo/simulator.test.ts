import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { burnsOf } from './objectives/burn-rates.ts';
import { budget, type Objective, objectives } from './objectives/objectives.ts';
import { detection, simulate } from './simulator.ts';

const objective = objectives[0] as Objective;
const steady = (minutes: number, errorRatio: number, eventsPerSecond = 10) => ({
  minutes,
  errorRatio,
  eventsPerSecond,
});

describe('burn-rate simulator', () => {
  it('is silent below the slowest burn, whatever the curve', () => {
    const calm = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0, max: 0.99, noNaN: true })),
      {
        minLength: 1,
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(calm, (segments) => {
        const curve = segments.map(([minutes, share]) => steady(minutes, share * budget(objective)));
        expect(simulate(objective, curve).firings.every(({ fires }) => fires === null)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('sees more errors no later', () => {
    const factor = fc.double({ min: 1.5, max: 100, noNaN: true });
    fc.assert(
      fc.property(factor, factor, (a, b) => {
        const at = (f: number) =>
          simulate(objective, [steady(60, 0), steady(600, Math.min(1, f * budget(objective)))]).firings.map(
            ({ fires }) => fires ?? Number.POSITIVE_INFINITY,
          );
        const [more, less] = [at(Math.max(a, b)), at(Math.min(a, b))];
        for (const [index, minute] of more.entries())
          expect(minute).toBeLessThanOrEqual(less[index] as number);
      }),
      { numRuns: 20 },
    );
  });

  it('waits as long as the alert says, and resolves when the short window is clean', () => {
    const { firings, minutes } = simulate(objective, [steady(60, 0), steady(30, 1), steady(60, 0)]);
    const [fast] = firings;
    // Two minutes until the hour's share is above 1.44 %, one more to be sure, two of waiting.
    expect(fast?.fires).toBe(65);
    expect(fast?.resolves).toBeGreaterThan(100);
    expect(fast?.resolves).toBeLessThanOrEqual(111);
    expect(minutes.at(-1)?.spent).toBeCloseTo(30 / (30 * 1440 * 0.001), 9);
  });

  it('pages for nobody when there is almost no traffic', () => {
    expect(
      simulate(objective, [steady(600, 1, 1 / 3_600)]).firings.every(({ fires }) => fires === null),
    ).toBe(true);
  });

  it('only files tickets for an objective that is no emergency', () => {
    const ticket = objectives.find(({ urgency }) => urgency === 'ticket') as Objective;
    expect(burnsOf(ticket).map(({ severity }) => severity)).toEqual(['warning', 'warning']);
    expect(detection(ticket, 1)?.burn.severity).toBe('warning');
    expect(detection(ticket, 0)).toBeNull();
  });

  it.each([
    { minutes: 0, errorRatio: 0, eventsPerSecond: 1 },
    { minutes: 1, errorRatio: 1.1, eventsPerSecond: 1 },
    { minutes: 1, errorRatio: 0, eventsPerSecond: -1 },
  ])('refuses %o', (segment) => {
    expect(() => simulate(objective, [segment])).toThrow(RangeError);
  });
});
