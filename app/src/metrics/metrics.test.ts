import { expect, test } from 'vitest';
import { catalogue, type Definition } from './catalogue.ts';
import { createMetrics } from './index.ts';

test('counters whose labels are all known start at 0, so that an alert sees the first event', async () => {
  const text = await createMetrics().registry.metrics();
  expect(text).toContain('auth_refresh_total{outcome="reuse"} 0');
  expect(text).toContain('case_operations_total{operation="sync",status="failure"} 0');
  expect(text).toContain('traces_dropped_total 0');
  expect(text).not.toMatch(/^http_requests_total\{/m);
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
