import { expect, test } from 'vitest';
import { catalogue, type Definition } from '../../contract/metrics.ts';
import { createMetrics } from './metrics.ts';
import { readsOpenMetrics } from './open-metrics.ts';

/** As Prometheus 3 asks. */
const openMetrics = 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.3';
const samplesOf = (text: string) =>
  text.split('\n').flatMap((line) => (line === '' || line.startsWith('#') ? [] : [line.split(' # ')[0]]));

test('counters whose labels are all known start at 0, so that an alert sees the first event', async () => {
  const text = await createMetrics().registry.metrics();
  expect(text).toContain('auth_refresh_total{outcome="reuse"} 0');
  expect(text).toContain('case_operations_total{operation="sync",status="failure"} 0');
  expect(text).toContain('traces_dropped_total 0');
  expect(text).not.toMatch(/^http_requests_total\{/m);
});

test('a gauge without a value is absent, and a value that is none fails nobody', async () => {
  const metrics = createMetrics();
  expect(await metrics.registry.metrics()).not.toMatch(/^active_users \d/m);
  metrics.active_users.set({}, 3);
  expect(await metrics.registry.metrics()).toMatch(/^active_users 3$/m);
  metrics.active_users.reset();
  metrics.sync_freshness_seconds.observe({}, Number.NaN);
  metrics.traces_dropped_total.inc({}, -1);
  expect(await metrics.registry.metrics()).not.toMatch(/^active_users \d/m);
});

test('two services in one process do not share their metrics', async () => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.traces_dropped_total.inc({}, 3);
  expect(await two.registry.metrics()).toContain('traces_dropped_total 0');
});

test('a gauge may be told what to do before each exposition', async () => {
  const metrics = createMetrics();
  let value = 1;
  metrics.active_users.collectWith(() => metrics.active_users.set({}, value));
  expect(await metrics.registry.metrics()).toMatch(/^active_users 1$/m);
  value = 2;
  expect(await metrics.registry.metrics()).toMatch(/^active_users 2$/m);
});

test('both formats have the same series, and keep their names however often either is asked for', async () => {
  const metrics = createMetrics();
  metrics.http_requests_total.inc({ route: '/health', method: 'GET', status: '2xx' });
  metrics.http_request_duration_seconds.observe({ route: '/health', method: 'GET' }, 0.2);
  const before = await metrics.expose(undefined);
  const rich = await metrics.expose(openMetrics);
  const after = await metrics.expose('text/plain');
  expect(before.contentType).toContain('text/plain');
  expect(rich.contentType).toContain('application/openmetrics-text; version=1.0.0');
  expect(rich.text).toMatch(/\n# EOF\n$/);
  expect(rich.text).toContain('# TYPE http_requests counter\n');
  expect(after.text).toContain('# TYPE http_requests_total counter\n');
  expect(after.text).not.toContain('# EOF');
  const names = (text: string) => samplesOf(text).map((line) => line?.replace(/ \S+$/, ''));
  expect(names(after.text)).toEqual(names(before.text));
  expect(names(rich.text)).toEqual(names(before.text));
  expect(samplesOf(rich.text)).toContain('http_requests_total{route="/health",method="GET",status="2xx"} 1');
});

test.each([
  [openMetrics, true],
  // Prometheus 2.42.
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,*/*;q=0.1',
    true,
  ],
  ['Application/OpenMetrics-Text', true],
  ['application/openmetrics-text; version=0.0.1', false],
  ['application/openmetrics-text;q=0.0, text/plain', false],
  ['text/html,*/*', false],
  ['', false],
  [undefined, false],
])('a scraper that accepts %s reads OpenMetrics: %s', (accept, reads) => {
  expect(readsOpenMetrics(accept)).toBe(reads);
});

test.each(Object.entries(catalogue as Record<string, Definition>))(
  '%s is well defined',
  (name, definition) => {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(definition.help).toMatch(/\.$/);
    expect(name.endsWith('_total')).toBe(definition.type === 'counter');
    for (const domain of Object.values(definition.labels)) {
      if ('atMost' in domain) expect(domain.because).not.toBe('');
      else expect(new Set(domain).size).toBe(domain.length);
    }
    const buckets = definition.buckets ?? [];
    expect(buckets.length > 0).toBe(definition.type === 'histogram');
    expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
  },
);
