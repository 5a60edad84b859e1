import { expect, test } from 'vitest';
import { burning, eventsQuery, line, type Moment, sharesQuery, tooFew, windowOf } from './burning.ts';

const moment = (long: number, short: number, events = 1000): Moment => ({
  shares: [
    { slo: 'api-availability', window: '1h', value: long },
    { slo: 'api-availability', window: '5m', value: short },
  ],
  events: [{ slo: 'api-availability', window: '1h', value: events }],
});

test('both windows over the factor burn', () => {
  const found = burning(moment(0.05, 0.05));
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ slo: 'api-availability', long: 50, short: 50 });
  expect(line(found[0] as (typeof found)[number])).toBe(
    'api-availability burns its error budget 50.0 times as fast as allowed over 1h (50.0 over 5m); the bound is 14.4',
  );
});

test('one window alone, too few events, or no data do not', () => {
  expect(burning(moment(0.05, 0.001))).toEqual([]);
  expect(burning(moment(0.001, 0.05))).toEqual([]);
  expect(burning(moment(0.05, 0.05, 199))).toEqual([]);
  expect(burning(moment(Number.NaN, Number.NaN))).toEqual([]);
  expect(burning({ shares: [], events: [] })).toEqual([]);
});

test('one objective with enough events in one window can be judged', () => {
  expect(tooFew(moment(0, 0, 200))).toBeNull();
  expect(tooFew(moment(0, 0, 199))).toMatch(/^api-availability 199 of 200, /);
  // A ticket is judged over days only.
  const hour = { slo: 'limiter-latency', window: '1h', value: 5_000 };
  expect(tooFew({ shares: [], events: [hour] })).toContain('limiter-latency 0 of 200');
  expect(tooFew({ shares: [], events: [{ ...hour, window: '3d' }] })).toBeNull();
});

test('queries name every window, and series their own', () => {
  expect(sharesQuery('prod')).toContain('environment="prod"');
  for (const window of ['5m', '1h', '6h', '3d']) expect(sharesQuery('prod')).toContain(window);
  expect(eventsQuery('prod')).toContain('[6h]) * 21600, "window", "6h", "", ""');
  expect(windowOf({ __name__: 'slo:error_ratio:rate30m' })).toBe('30m');
  expect(windowOf({ window: '1h' })).toBe('1h');
});
