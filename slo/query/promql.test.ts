import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogue, type Definition } from '../../contract/metrics.ts';
import { promtool } from '../promtool.testing.ts';
import {
  absent,
  add,
  ago,
  and,
  changes,
  constant,
  count,
  div,
  gt,
  increase,
  max,
  mul,
  or,
  over,
  print,
  quantile,
  rate,
  ratio,
  sub,
  sum,
  time,
  topk,
} from './promql.ts';
import { app, redis, selectors, target, unitOf } from './selectors.ts';

const requests = app.counter('http_requests_total', { status: '5xx' });

describe('typed PromQL', () => {
  it('prints selectors with their job, and escapes values', () => {
    expect(print(rate(requests, '5m'))).toBe(
      'rate(http_requests_total{job="case-service",status="5xx"}[5m])',
    );
    expect(print(rate(app.counter('http_requests_total', { route: 'a"b\\c' }), '5m'))).toContain(
      'route="a\\"b\\\\c"',
    );
    expect(print(target.gauge('up', { job: { oneOf: ['redis', 'grafana'] } }))).toBe(
      'up{job=~"redis|grafana"}',
    );
    expect(print(target.gauge('up', { job: { not: ['redis'] }, instance: { variable: 'instance' } }))).toBe(
      'up{job!="redis",instance=~"$instance"}',
    );
    expect(
      print(rate(app.counter('http_requests_total', { route: { not: ['/a.b', '/c'] } }), '1h')),
    ).toContain('route!~"/a\\\\.b|/c"');
  });

  it('tells programs apart whose metrics share a name', () => {
    expect(print(app.gauge('redis_up'))).toBe('redis_up{job="case-service"}');
    expect(print(redis.gauge('redis_up'))).toBe('redis_up{job="redis"}');
  });

  it('finds the bucket of a bound in both spellings, and refuses a bound that no bucket has', () => {
    expect(print(rate(app.within('sync_freshness_seconds', 300), '5m'))).toContain('le=~"300|300\\\\.0"');
    expect(print(rate(app.within('http_request_duration_seconds', 0.25), '5m'))).toContain('le="0.25"');
    expect(() => app.within('http_request_duration_seconds', 0.3)).toThrow('no bucket that ends at 0.3');
  });

  it('makes fresh nodes, so that expressions can be shared', () => {
    const shared = sum(rate(requests, '5m'), ['route']);
    const before = print(shared);
    print(topk(3, div(shared, add(shared, 1))));
    expect(print(shared)).toBe(before);
  });

  it('prints numbers without float noise', () => {
    expect(print(gt(constant(0.001 * 14.4), 0.1 + 0.2))).toBe('(vector(0.0144)) > (0.3)');
    expect(() => print(gt(constant(1), Number.NaN))).toThrow(RangeError);
    expect(() => print(constant(Number.POSITIVE_INFINITY))).toThrow(RangeError);
  });

  it('carries units from names through operations', () => {
    expect(rate(app.counter('process_cpu_seconds_total'), '5m').unit).toBe('percentunit');
    expect(rate(redis.counter('redis_net_input_bytes_total'), '5m').unit).toBe('Bps');
    expect(rate(requests, '5m').unit).toBe('ops');
    expect(increase(requests, '5m').unit).toBe('short');
    expect(quantile(0.9, rate(app.buckets('http_request_duration_seconds'), '5m')).unit).toBe('s');
    expect(ratio(rate(requests, '5m'), rate(requests, '5m')).unit).toBe('percentunit');
    expect(unitOf('tls_cert_expiry_timestamp_seconds')).toBe('dateTimeAsIso');
    expect(unitOf('cache_hit_ratio')).toBe('percentunit');
  });

  it('writes what Prometheus parses, whatever is composed', { timeout: 60_000 }, async () => {
    const names = Object.entries(catalogue as Record<string, Definition>)
      .filter(([, { type }]) => type === 'gauge')
      .map(([name]) => name as 'active_users');
    const gauge = fc.constantFrom(...names).map((name) => app.gauge(name));
    const any = selectors(catalogue);
    const { tree } = fc.letrec<{ tree: ReturnType<typeof gauge.generate>['value'] | ReturnType<typeof sum> }>(
      (tie) => ({
        tree: fc.oneof(
          { maxDepth: 4 },
          gauge,
          fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => div(a, b)),
          fc.tuple(tie('tree'), fc.double({ noNaN: true, min: -1e9, max: 1e9 })).map(([a, n]) => mul(a, n)),
          fc.tuple(tie('tree'), tie('tree')).map(([a, b]) => and(a, or(b, absent(b)), ['environment'])),
          tie('tree').map((a) => max(a, ['instance'])),
          tie('tree').map((a) => count(sub(time(), a))),
          gauge.map((a) => over('avg', a, '1h')),
          gauge.map((a) => changes(a, '15m')),
          gauge.map((a) => ago(a, '5m')),
          fc.constant(rate(any.observations('http_request_duration_seconds'), '$__rate_interval')),
        ),
      }),
    );
    const rules = fc
      .sample(tree, { numRuns: 300, seed: 378 })
      .map((expr, index) => `  - {record: "a:${index}", expr: ${JSON.stringify(print(expr))}}\n`)
      .join('')
      .replaceAll('$__rate_interval', '1m');
    const content = `groups:\n- name: composed\n  rules:\n${rules}`;
    expect(await promtool([{ name: 'r.yml', content }], 'check', 'rules', 'r.yml')).toMatchObject({
      ok: true,
    });
  });
});
