import { expect, test } from 'vitest';
import { count, json, junit, text, verdicts } from './report.ts';

const summary = {
  state: { testRunDurationMs: 61_500 },
  metrics: {
    http_reqs: { values: { count: 150, rate: 15.04321 } },
    http_req_duration: { values: { med: 2.5, 'p(95)': 9, 'p(99)': 12, max: 20 } },
    'admitted{probe:default}': { values: { count: 101 }, thresholds: { 'count==100': { ok: false } } },
    failures: { values: { rate: 0 }, thresholds: { 'rate<0.001': { ok: true } } },
  },
};

test('each threshold is a verdict with what was seen', () => {
  expect(verdicts(summary)).toEqual([
    { metric: 'admitted{probe:default}', threshold: 'count==100', ok: false, seen: 'count 101' },
    { metric: 'failures', threshold: 'rate<0.001', ok: true, seen: 'rate 0' },
  ]);
  expect(
    verdicts({ metrics: { x: { values: {}, thresholds: { 'count==1': { ok: true } } } } })[0]?.seen,
  ).toBe('nothing counted');
  expect(count(summary, 'rate_limited')).toBe(0);
});

test('no report tells what setup returned, for that is tokens', () => {
  const data = { ...summary, root_group: { checks: [] }, setup_data: [{ accessToken: 'secret' }] };
  expect(Object.keys(JSON.parse(json(data)))).toEqual(['metrics', 'root_group', 'state']);
  expect(json(data) + text('limits', data) + junit('limits', data)).not.toContain('secret');
});

test('text names failures', () => {
  expect(text('limits', summary)).toContain('FAIL admitted{probe:default}: count==100 (count 101)');
  expect(text('limits', summary)).toContain('limits: 150 requests, 15.0432/s, 0 answered 429');
});

test('JUnit escapes and counts', () => {
  const xml = junit('limits', summary);
  expect(xml).toContain('tests="2" failures="1" time="61.5"');
  expect(xml).toContain('name="failures: rate&lt;0.001"/>');
  expect(xml).toContain('<failure message="count 101"/>');
});
