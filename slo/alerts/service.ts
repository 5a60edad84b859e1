import { absent, changes, gt, increase, lt, max, or, over, rate, sum, unless } from '../promql.ts';
import { app, target } from '../selectors.ts';
import type { Alert } from './alert.ts';

const up = target.gauge('up', { job: 'case-service' });

/** The case service's own processes. */
export const serviceAlerts: readonly Alert[] = [
  {
    name: 'ServiceDown',
    severity: 'critical',
    for: '1m',
    expr: or(lt(sum(up, ['environment', 'job']), 1), absent(up)),
    summary: 'No replica of the case service answers',
    description: 'Prometheus reaches no replica: users most likely get no answer at all.',
    panel: { dashboard: 'runtime', title: 'Replicas' },
    proof: {
      fires: { 'up{job="redis"}': '1x20' },
      silent: [
        {
          'up{job="case-service",instance="a"}': '0x20',
          'up{job="case-service",instance="b"}': '1x20',
        },
        { 'up{job="case-service",instance="a"}': '1x9 0x10' },
      ],
      at: '10m',
    },
  },
  {
    name: 'ReplicaDown',
    severity: 'warning',
    for: '5m',
    expr: unless(lt(up, 1), lt(sum(up, ['environment', 'job']), 1), ['environment']),
    summary: 'A replica of the case service does not answer',
    description: '{{ $labels.instance }} has not been scraped for five minutes; the others carry its load.',
    panel: { dashboard: 'runtime', title: 'Replicas' },
    proof: {
      fires: {
        'up{job="case-service",instance="a"}': '0x20',
        'up{job="case-service",instance="b"}': '1x20',
      },
      silent: [
        // It is the service that is down, and ServiceDown that says so.
        { 'up{job="case-service",instance="a"}': '0x20' },
        {
          'up{job="case-service",instance="a"}': '1x11 0x10',
          'up{job="case-service",instance="b"}': '1x25',
        },
      ],
      at: '15m',
    },
  },
  {
    name: 'ServiceRestarting',
    severity: 'warning',
    for: '0m',
    expr: gt(changes(app.gauge('process_start_time_seconds'), '15m'), 2),
    summary: 'A replica restarts again and again',
    description: '{{ $labels.instance }} has started {{ $value | humanize }} times in 15 minutes.',
    panel: { dashboard: 'runtime', title: 'Restarts' },
    proof: {
      fires: { 'process_start_time_seconds{job="case-service",instance="a"}': '0+60x20' },
      silent: [{ 'process_start_time_seconds{job="case-service",instance="a"}': '5x5 9x5 12x10' }],
      at: '15m',
    },
  },
  {
    name: 'EventLoopLag',
    severity: 'warning',
    for: '10m',
    expr: gt(
      max(app.gauge('event_loop_lag_seconds', { quantile: '0.99' }), ['environment', 'instance']),
      0.2,
    ),
    summary: 'A replica does not get to its requests in time',
    description:
      'The event loop of {{ $labels.instance }} is {{ $value | humanizeDuration }} late at the 99th percentile.',
    panel: { dashboard: 'runtime', title: 'Event-loop delay' },
    proof: {
      fires: { 'event_loop_lag_seconds{job="case-service",quantile="0.99",instance="a"}': '0.5x30' },
      silent: [{ 'event_loop_lag_seconds{job="case-service",quantile="0.99",instance="a"}': '0.19x30' }],
      at: '20m',
    },
  },
  {
    name: 'ServiceSaturated',
    severity: 'warning',
    for: '10m',
    expr: gt(rate(app.counter('process_cpu_seconds_total'), '5m'), 0.9),
    summary: 'A replica uses all of its core',
    description:
      '{{ $labels.instance }} computes {{ $value | humanizePercentage }} of the time: add replicas.',
    panel: { dashboard: 'runtime', title: 'CPU' },
    proof: {
      fires: { 'process_cpu_seconds_total{job="case-service",instance="a"}': '0+58x30' },
      silent: [{ 'process_cpu_seconds_total{job="case-service",instance="a"}': '0+52x30' }],
      at: '20m',
    },
  },
  {
    name: 'DrainingTooLong',
    severity: 'warning',
    for: '2m',
    expr: gt(max(app.gauge('process_draining'), ['environment', 'instance']), 0),
    summary: 'A replica that was told to stop still runs',
    description:
      '{{ $labels.instance }} has been draining for over two minutes: a request or a connection does not end.',
    panel: { dashboard: 'runtime', title: 'Draining' },
    proof: {
      fires: { 'process_draining{job="case-service",instance="a"}': '0x5 1x10' },
      silent: [{ 'process_draining{job="case-service",instance="a"}': '0x8 1x10' }],
      at: '10m',
    },
  },
  {
    name: 'SyncQueueGrows',
    severity: 'warning',
    for: '30m',
    expr: gt(
      max(over('min', app.gauge('offline_sync_queue_depth', { user_id: { not: ['other'] } }), '30m'), [
        'environment',
      ]),
      500,
    ),
    summary: 'A client’s offline work does not get applied',
    description:
      'A queue has held at least {{ $value | humanize }} operations for half an hour; one call takes 500.',
    panel: { dashboard: 'application', title: 'Sync Queue Depth' },
    proof: {
      fires: { 'offline_sync_queue_depth{job="case-service",user_id="u1"}': '900x90' },
      silent: [
        { 'offline_sync_queue_depth{job="case-service",user_id="u1"}': '900x29 0 900x29 0 900x29' },
        { 'offline_sync_queue_depth{job="case-service",user_id="u1"}': '490x90' },
      ],
      at: '80m',
    },
  },
  {
    name: 'TracesDropped',
    severity: 'warning',
    for: '10m',
    expr: gt(sum(increase(app.counter('traces_dropped_total'), '10m'), ['environment']), 0),
    summary: 'Traces are lost on the way to the collector',
    description: '{{ $value | humanize }} spans were given up in ten minutes; requests are not affected.',
    panel: { dashboard: 'runtime', title: 'Spans dropped' },
    proof: {
      fires: { 'traces_dropped_total{job="case-service"}': '0+5x40' },
      silent: [{ 'traces_dropped_total{job="case-service"}': '0x16 5x40' }],
      at: '30m',
    },
  },
];
