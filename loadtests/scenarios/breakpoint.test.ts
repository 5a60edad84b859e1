import { expect, test } from 'vitest';
import { kneeOf, planSteps, resultsOf } from './breakpoint.ts';

const bounds = { p95: 250, failed: 0.001 };

test('steps are equal and end at the top', () => {
  expect(planSteps(1200, 3, 5)).toEqual([
    { rate: 400, seconds: 5 },
    { rate: 800, seconds: 5 },
    { rate: 1200, seconds: 5 },
  ]);
});

test('the knee is the last step before the first that does not hold', () => {
  const steps = planSteps(300, 3, 10);
  const metrics = Object.fromEntries(
    [
      [100, 1000, 10, 0],
      [200, 2000, 20, 0],
      [300, 2000, 900, 0.02],
    ].flatMap(([rate, requests, p95, failed]) => [
      [`http_reqs{step:${rate}}`, { values: { count: requests as number } }],
      [`http_req_duration{step:${rate}}`, { values: { 'p(95)': p95 as number } }],
      [`failures{step:${rate}}`, { values: { rate: failed as number } }],
    ]),
  );
  const results = resultsOf(steps, { metrics }, bounds);
  expect(results.map(({ holds }) => holds)).toEqual([true, true, false]);
  expect(results[2]).toMatchObject({ answered: 200, p95: 900, failed: 0.02 });
  expect(kneeOf(results)).toBe(200);
  expect(kneeOf(results.slice(0, 2))).toBe(200);
  expect(kneeOf(results.slice(2))).toBe(0);
  expect(kneeOf(resultsOf(steps, { metrics: {} }, bounds))).toBe(0);
});
