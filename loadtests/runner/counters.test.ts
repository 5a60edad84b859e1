import { expect, test } from 'vitest';
import { growth, readDenials, samples } from './counters.ts';

const text = (denied: number, start = 1000) => `# HELP ratelimit_decisions_total Decisions.
# TYPE ratelimit_decisions_total counter
ratelimit_decisions_total{policy="default",decision="allow",source="redis"} 900
ratelimit_decisions_total{policy="default",decision="deny",source="redis"} ${denied}
ratelimit_decisions_total{policy="default",decision="deny",source="deny_cache"} 2 # {trace_id="x"} 1
ratelimit_decisions_total_created{policy="default",decision="deny",source="redis"} 12345
process_start_time_seconds ${start}
`;

test('denials are summed over sources and replicas, and nothing else is', async () => {
  const pages: Record<string, string> = { 'a/metrics': text(10), 'b/metrics': text(5, 2000) };
  const get = async (url: string) => pages[url] ?? '';
  const before = await readDenials(['a', 'b'], get);
  expect(before).toEqual({ byPolicy: { default: 19 }, processes: [1000, 2000] });
  pages['a/metrics'] = text(13);
  const after = await readDenials(['a', 'b'], get);
  expect(growth(before, after)).toEqual({ total: 3, byPolicy: { default: 3 } });
  pages['a/metrics'] = text(1, 3000);
  expect(growth(before, await readDenials(['a', 'b'], get))).toBeNull();
});

test('labels with quotes and commas', () => {
  expect(samples('m{a="x,\\"y\\"",b="{}"} 1.5', 'm')).toEqual([
    { labels: { a: 'x,\\"y\\"', b: '{}' }, value: 1.5 },
  ]);
});
