import { expect, test } from 'vitest';
import { growth, readingOf, samples } from './counters.ts';

const text = (
  denied: number,
  { local = 0, start = 1000 } = {},
) => `# HELP ratelimit_decisions_total Decisions.
# TYPE ratelimit_decisions_total counter
ratelimit_decisions_total{policy="default",decision="allow",source="redis"} 900
ratelimit_decisions_total{policy="default",decision="allow",source="local"} ${local}
ratelimit_decisions_total{policy="default",decision="deny",source="redis"} ${denied}
ratelimit_decisions_total{policy="default",decision="deny",source="deny_cache"} 2 # {trace_id="x"} 1
ratelimit_decisions_total_created{policy="default",decision="deny",source="redis"} 12345
process_start_time_seconds ${start}
`;

test('denials are summed over sources, and nothing else is', () => {
  expect(readingOf(text(10, { local: 3 }))).toEqual({ denied: { default: 12 }, local: 3, started: 1000 });
  expect(readingOf('').started).toBeNaN();
});

test('growth is summed over replicas', () => {
  const before = [readingOf(text(10)), readingOf(text(5, { start: 2000 }))];
  const after = [readingOf(text(13)), readingOf(text(6, { local: 2, start: 2000 }))];
  expect(growth(before, after)).toEqual({ denied: 4, byPolicy: { default: 4 }, local: 2 });
  expect(growth(before, before)).toEqual({ denied: 0, byPolicy: {}, local: 0 });
});

test('a replica that began again is noticed, by its start or by a counter that fell', () => {
  const before = [readingOf(text(10))];
  expect(growth(before, [readingOf(text(20, { start: 1001 }))])).toBeNull();
  expect(growth(before, [readingOf(text(1))])).toBeNull();
  expect(growth(before, [readingOf('')])).toBeNull();
});

test('labels with quotes and commas', () => {
  expect(samples('m{a="x,\\"y\\"",b="{}"} 1.5', 'm')).toEqual([
    { labels: { a: 'x,\\"y\\"', b: '{}' }, value: 1.5 },
  ]);
});
