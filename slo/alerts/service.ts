import { absent, and, changes, gt, lt, max, or, over, rate, sum, unless } from '../query/promql.ts';
import { app, target } from '../query/selectors.ts';
import type { Alert } from './alert.ts';
import type { AlertOptions } from './options.ts';

const up = target.gauge('up', { job: 'case-service' });
const replica = target.gauge('up', { job: { oneOf: ['case-service', 'traefik'] } });
const mebibyte = 1_048_576;
const memory = 'process_resident_memory_bytes{job="case-service",instance="a"}';
const repeated = (values: string, times: number) => Array<string>(times).fill(values).join(' ');
const several = (count: number, values: string) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`up{job="case-service",instance="${index}"}`, values]),
  );

/** The processes of the case service, within the limits of their containers. */
export const serviceAlerts = ({
  replicas,
  cpuCores,
  memoryMib,
}: Pick<AlertOptions, 'replicas' | 'cpuCores' | 'memoryMib'>): readonly Alert[] => [
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
    expr: unless(lt(replica, 1), lt(sum(replica, ['environment', 'job']), 1), ['environment', 'job']),
    summary: 'A replica does not answer',
    description:
      '{{ $labels.instance }} of {{ $labels.job }} has not been scraped for five minutes; the others carry its load.',
    panel: { dashboard: 'runtime', title: 'Replicas' },
    proof: {
      fires: [
        {
          'up{job="case-service",instance="a"}': '0x20',
          'up{job="case-service",instance="b"}': '1x20',
        },
        { 'up{job="traefik",instance="a"}': '0x20', 'up{job="traefik",instance="b"}': '1x20' },
      ],
      silent: [
        // The whole service is down, and ServiceDown reports it.
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
    name: 'ReplicasTooFew',
    severity: 'warning',
    for: '10m',
    expr: lt(sum(up, ['environment', 'job']), replicas),
    summary: 'Fewer replicas answer than the settings want',
    description: `{{ $value }} of at least ${replicas} replicas answer: a pod cannot be scheduled, or does not start.`,
    panel: { dashboard: 'runtime', title: 'Replicas' },
    proof: {
      fires: several(replicas - 1, '1x30'),
      silent: [several(replicas, '1x30'), { ...several(replicas, '1x30'), ...several(1, '1x16 0x13') }],
      at: '25m',
    },
  },
  {
    name: 'ServiceRestarting',
    severity: 'critical',
    for: '5m',
    expr: lt(sum(and(over('avg', up, '10m'), up), ['environment', 'job']), 0.5),
    summary: 'All replicas restart in a loop',
    description: 'Over ten minutes {{ $value | humanize }} replicas answered on average: most requests fail.',
    panel: { dashboard: 'runtime', title: 'Restarts' },
    proof: {
      fires: { 'up{job="case-service",instance="a"}': repeated('1 0 0 0 0', 6) },
      silent: [
        { 'up{job="case-service",instance="a"}': repeated('1 1 0 0 1 0 0 1 1 0', 3) },
        {
          'up{job="case-service",instance="a"}': repeated('1 0 0 0 0', 6),
          'up{job="case-service",instance="b"}': '1x30',
        },
      ],
      at: '20m',
    },
  },
  {
    name: 'ServiceRestarting',
    severity: 'warning',
    for: '0m',
    // Half an hour, because a crash loop backs off to one start every five minutes.
    expr: gt(changes(app.gauge('process_start_time_seconds'), '30m'), 2),
    summary: 'A replica restarts again and again',
    description: '{{ $labels.instance }} has started {{ $value | humanize }} times in 30 minutes.',
    panel: { dashboard: 'runtime', title: 'Restarts' },
    proof: {
      fires: [
        { 'process_start_time_seconds{job="case-service",instance="a"}': '0+60x40' },
        // One start every six minutes, answering for one of them.
        {
          'process_start_time_seconds{job="case-service",instance="a"}':
            '1 stale _ _ _ _ 2 stale _ _ _ _ 3 stale _ _ _ _ 4 stale _ _ _ _ 5 stale _ _ _ _ 6 stale _ _ _ _ 7 7 7 7 7',
        },
      ],
      silent: [{ 'process_start_time_seconds{job="case-service",instance="a"}': '1x5 5x20 9x10 12x5' }],
      at: '40m',
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
    expr: gt(rate(app.counter('process_cpu_seconds_total'), '5m'), 0.9 * cpuCores),
    summary: 'A replica uses all CPU that its container may',
    description: `{{ $labels.instance }} uses {{ $value | humanize }} of its ${cpuCores} cores: add replicas, or raise app.cpu.`,
    panel: { dashboard: 'runtime', title: 'CPU' },
    proof: {
      fires: { 'process_cpu_seconds_total{job="case-service",instance="a"}': `0+${58 * cpuCores}x30` },
      silent: [{ 'process_cpu_seconds_total{job="case-service",instance="a"}': `0+${52 * cpuCores}x30` }],
      at: '20m',
    },
  },
  {
    name: 'ServiceMemoryHigh',
    severity: 'warning',
    for: '10m',
    expr: gt(app.gauge('process_resident_memory_bytes'), 0.9 * memoryMib * mebibyte),
    summary: 'A replica is close to the memory limit of its container',
    description: `{{ $labels.instance }} uses {{ $value | humanize1024 }}B of ${memoryMib} MiB; at the limit the kernel ends it.`,
    panel: { dashboard: 'runtime', title: 'Memory' },
    proof: {
      fires: { [memory]: `${0.95 * memoryMib * mebibyte}x30` },
      silent: [{ [memory]: `${0.88 * memoryMib * mebibyte}x30` }],
      at: '20m',
    },
  },
  {
    name: 'ServiceOutOfMemory',
    severity: 'warning',
    for: '0m',
    // Kubernetes restarts the container in a new cgroup, so its own counters of kills are gone. No other exporter runs.
    expr: and(
      gt(changes(app.gauge('process_start_time_seconds'), '15m'), 0),
      gt(over('max', app.gauge('process_resident_memory_bytes'), '15m'), 0.85 * memoryMib * mebibyte),
    ),
    summary: 'A replica restarted after it had used up its memory',
    description: '{{ $labels.instance }} restarted; most likely the kernel ended it for lack of memory.',
    panel: { dashboard: 'runtime', title: 'Memory' },
    proof: {
      fires: {
        [memory]: `${0.95 * memoryMib * mebibyte}x10 ${0.3 * memoryMib * mebibyte}x10`,
        'process_start_time_seconds{job="case-service",instance="a"}': '1x10 600x10',
      },
      silent: [
        {
          [memory]: `${0.8 * memoryMib * mebibyte}x10 ${0.3 * memoryMib * mebibyte}x10`,
          'process_start_time_seconds{job="case-service",instance="a"}': '1x10 600x10',
        },
      ],
      at: '15m',
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
];
