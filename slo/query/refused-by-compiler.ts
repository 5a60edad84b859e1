import { over, rate, sum } from './promql.ts';
import { app, record } from './selectors.ts';

const requests = app.counter('http_requests_total', { status: '5xx' });

/** What must not compile; tsc checks this file, and an unused directive is an error. Never called. */
export function refusedByTheCompiler(): void {
  // @ts-expect-error no such metric
  app.counter('http_request_total');
  // @ts-expect-error no such label
  app.counter('http_requests_total', { code: '5xx' });
  // @ts-expect-error no such value of the label
  app.counter('http_requests_total', { status: '500' });
  // @ts-expect-error nor inside a negation
  app.counter('http_requests_total', { status: { not: ['500'] } });
  // @ts-expect-error a gauge is no counter
  app.counter('active_users');
  // @ts-expect-error rate is for counters
  rate(app.gauge('active_users'), '5m');
  // @ts-expect-error a counter needs rate or increase
  sum(requests);
  // @ts-expect-error the metric has no such label to group by
  sum(rate(requests, '5m'), ['store']);
  // @ts-expect-error the label was summed away
  sum(sum(rate(requests, '5m'), ['route']), ['status']);
  // @ts-expect-error no such window
  rate(requests, '5 minutes');
  // @ts-expect-error a range of a counter makes no sense
  over('max', requests, '5m');
  // @ts-expect-error another program's metric
  app.gauge('redis_memory_used_bytes');
  // @ts-expect-error no such recorded series
  record.gauge('slo:error_ratio:rate7m');
  // @ts-expect-error no such objective
  record.gauge('slo:errors:rate5m', { slo: 'uptime' });
  // @ts-expect-error a histogram is read by its parts
  app.gauge('http_request_duration_seconds');
}
