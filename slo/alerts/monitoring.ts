import type { Counter } from '../query/expression.ts';
import {
  absent,
  and,
  constant,
  count,
  gt,
  increase,
  lt,
  max,
  or,
  over,
  sum,
  unless,
} from '../query/promql.ts';
import { alertmanager, app, collector, prometheus, record, target } from '../query/selectors.ts';
import type { Alert } from './alert.ts';
import type { AlertOptions } from './options.ts';

const panel = (title: string) => ({ dashboard: 'runtime', title }) as const;

/** Metrics that alerts read and that every release exposes from its start, by job. */
const readByAlerts = {
  'case-service': [
    'http_requests_total',
    'http_request_duration_seconds_count',
    'ratelimit_decisions_total',
    'limiter_degraded',
    'process_start_time_seconds',
    'redis_up',
  ],
  redis: ['redis_up', 'redis_memory_used_bytes'],
} as const;

/** Counts the series of each metric that alerts read, so that one that vanishes while its target answers is noticed. */
export const seriesCounts = Object.entries(readByAlerts).flatMap(([job, metrics]) =>
  metrics.map((metric) => ({
    record: 'metric:series:count',
    expr: `count by(environment) (${metric}{job="${job}"})`,
    labels: { job, metric },
  })),
);

const counted = record.gauge('metric:series:count');
const collectorUp = target.gauge('up', { job: 'otel-collector' });
const lost = (counter: Counter<string>) => sum(increase(counter, '10m'), ['environment']);

/** The parts that watch: a silent monitor looks like a healthy system. */
export const monitoringAlerts = ({
  seriesBudget,
  hasCollector,
}: Pick<AlertOptions, 'seriesBudget' | 'hasCollector'>): readonly Alert[] => [
  {
    name: 'Watchdog',
    severity: 'none',
    for: '0m',
    expr: constant(1),
    summary: 'Alerting works',
    description: 'Always fires. Whoever receives it must raise an alarm when it stops coming.',
    panel: panel('Monitoring targets'),
    proof: { fires: { 'up{job="prometheus"}': '1x10' }, silent: [], at: '5m' },
  },
  {
    name: 'PrometheusReloadFailed',
    severity: 'warning',
    for: '5m',
    expr: lt(prometheus.gauge('prometheus_config_last_reload_successful'), 1),
    summary: 'Prometheus runs with an old configuration',
    description: 'Its last reload failed: new rules and targets are not in force.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'prometheus_config_last_reload_successful{job="prometheus"}': '0x20' },
      silent: [{ 'prometheus_config_last_reload_successful{job="prometheus"}': '1x11 0x10' }],
      at: '15m',
    },
  },
  {
    name: 'PrometheusRuleFailures',
    severity: 'critical',
    for: '5m',
    keepFiring: false,
    expr: gt(
      sum(increase(prometheus.counter('prometheus_rule_evaluation_failures_total'), '10m'), ['environment']),
      0,
    ),
    summary: 'Rules fail to evaluate, so alerts may be blind',
    description: '{{ $value | humanize }} evaluations failed in ten minutes.',
    panel: panel('Rule and notification failures'),
    proof: {
      fires: { 'prometheus_rule_evaluation_failures_total{job="prometheus",rule_group="a"}': '0+1x30' },
      silent: [{ 'prometheus_rule_evaluation_failures_total{job="prometheus",rule_group="a"}': '0x7 4x30' }],
      at: '20m',
    },
  },
  {
    name: 'PrometheusSeriesOverBudget',
    severity: 'warning',
    for: '15m',
    expr: gt(prometheus.gauge('prometheus_tsdb_head_series'), seriesBudget),
    summary: 'Prometheus holds more series than planned',
    description: `{{ $value | humanize }} series are in memory; this environment’s budget is ${seriesBudget}.`,
    panel: panel('Series in memory'),
    proof: {
      fires: { 'prometheus_tsdb_head_series{job="prometheus"}': `${seriesBudget + 1}x40` },
      silent: [{ 'prometheus_tsdb_head_series{job="prometheus"}': `${seriesBudget}x40` }],
      at: '30m',
    },
  },
  {
    name: 'AlertmanagerDown',
    severity: 'critical',
    for: '2m',
    expr: or(
      lt(sum(target.gauge('up', { job: 'alertmanager' }), ['environment', 'job']), 1),
      absent(target.gauge('up', { job: 'alertmanager' })),
    ),
    summary: 'Alertmanager does not answer: no alert reaches anybody',
    description: 'This alert cannot be delivered either; the missing Watchdog tells the heartbeat receiver.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'up{job="alertmanager"}': '1x3 0x20' },
      silent: [{ 'up{job="alertmanager"}': '1x13 0x10' }],
      at: '15m',
    },
  },
  {
    name: 'PrometheusNotificationsFail',
    severity: 'critical',
    for: '10m',
    expr: or(
      gt(
        sum(increase(prometheus.counter('prometheus_notifications_errors_total'), '5m'), ['environment']),
        0,
      ),
      or(
        gt(
          sum(increase(prometheus.counter('prometheus_notifications_dropped_total'), '5m'), ['environment']),
          0,
        ),
        lt(max(prometheus.gauge('prometheus_notifications_alertmanagers_discovered'), ['environment']), 1),
      ),
    ),
    summary: 'Prometheus cannot hand alerts to Alertmanager',
    description: 'This alert cannot be delivered either; the missing Watchdog tells the heartbeat receiver.',
    panel: panel('Rule and notification failures'),
    proof: {
      fires: [
        { 'prometheus_notifications_errors_total{job="prometheus",alertmanager="a"}': '0+1x40' },
        { 'prometheus_notifications_dropped_total{job="prometheus"}': '0+3x40' },
        { 'prometheus_notifications_alertmanagers_discovered{job="prometheus"}': '1x5 0x30' },
      ],
      // Alertmanager restarted.
      silent: [
        { 'prometheus_notifications_errors_total{job="prometheus",alertmanager="a"}': '0x14 1 2 3x40' },
      ],
      at: '25m',
    },
  },
  {
    name: 'TargetFlapping',
    severity: 'warning',
    for: '10m',
    expr: and(
      and(lt(over('avg', target.gauge('up'), '10m'), 0.75), target.gauge('up')),
      gt(over('avg', target.gauge('up'), '10m'), 0),
    ),
    summary: 'A target answers only some scrapes',
    description:
      '{{ $labels.instance }} of {{ $labels.job }} answered {{ $value | humanizePercentage }} of scrapes of ten minutes.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'up{job="traefik",instance="a"}': Array<string>(20).fill('1 0').join(' ') },
      silent: [
        { 'up{job="traefik",instance="a"}': Array<string>(8).fill('1 1 1 1 0').join(' ') },
        // It stops for good: other alerts name it.
        { 'up{job="traefik",instance="a"}': '1x15 0x25' },
      ],
      at: '35m',
    },
  },
  {
    name: 'MetricsMissing',
    severity: 'warning',
    for: '10m',
    expr: and(
      unless(over('max', counted, '1d'), counted),
      gt(max(target.gauge('up'), ['environment', 'job']), 0),
      ['environment', 'job'],
    ),
    summary: 'A metric that alerts read has vanished, and its target answers',
    description:
      '{{ $labels.metric }} of {{ $labels.job }} is no longer exposed: alerts that read it are blind.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: {
        'up{job="case-service",instance="a"}': '1x40',
        'limiter_degraded{job="case-service",instance="a"}': '0x5 stale',
      },
      silent: [
        // Its target is gone, which other alerts report.
        {
          'up{job="case-service",instance="a"}': '1x5 0x40',
          'limiter_degraded{job="case-service",instance="a"}': '0x5 stale',
        },
        {
          'up{job="case-service",instance="a"}': '1x40',
          'metric:series:count{job="case-service",metric="limiter_degraded"}': '1x23 stale',
        },
      ],
      at: '30m',
    },
  },
  ...(hasCollector ? [collectorDown] : []),
  tracesDropped(hasCollector),
  {
    name: 'AlertmanagerNotificationsFail',
    severity: 'critical',
    for: '5m',
    keepFiring: false,
    expr: gt(
      sum(increase(alertmanager.counter('alertmanager_notifications_failed_total'), '10m'), [
        'environment',
        'integration',
      ]),
      0,
    ),
    summary: 'Alerts do not reach a receiver',
    description: '{{ $value | humanize }} notifications by {{ $labels.integration }} failed in ten minutes.',
    panel: panel('Rule and notification failures'),
    proof: {
      fires: {
        'alertmanager_notifications_failed_total{job="alertmanager",integration="webhook"}': '0+1x30',
      },
      silent: [
        {
          'alertmanager_notifications_failed_total{job="alertmanager",integration="webhook"}': '0x7 1x30',
        },
      ],
      at: '20m',
    },
  },
  {
    name: 'AlertmanagerReloadFailed',
    severity: 'warning',
    for: '5m',
    expr: lt(alertmanager.gauge('alertmanager_config_last_reload_successful'), 1),
    summary: 'Alertmanager runs with an old configuration',
    description: 'Its last reload failed: new receivers and routes are not in force.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'alertmanager_config_last_reload_successful{job="alertmanager"}': '0x20' },
      silent: [{ 'alertmanager_config_last_reload_successful{job="alertmanager"}': '1x11 0x10' }],
      at: '15m',
    },
  },
  {
    name: 'GrafanaDown',
    severity: 'warning',
    for: '5m',
    expr: lt(target.gauge('up', { job: 'grafana' }), 1),
    summary: 'Grafana does not answer',
    description: 'Dashboards cannot be opened; alerts are not affected.',
    panel: panel('Monitoring targets'),
    proof: {
      fires: { 'up{job="grafana"}': '0x20' },
      silent: [{ 'up{job="grafana"}': '1x11 0x10' }],
      at: '15m',
    },
  },
];

const collectorDown: Alert = {
  name: 'CollectorDown',
  severity: 'warning',
  for: '5m',
  expr: or(
    lt(sum(collectorUp, ['environment', 'job']), 1),
    // A target that was there within three days and that DNS no longer names.
    unless(
      count(over('max', collectorUp, '3d'), ['environment', 'job']),
      count(collectorUp, ['environment', 'job']),
    ),
  ),
  summary: 'The collector of traces does not answer',
  description: 'Traces are lost until it is back; requests are not affected.',
  panel: panel('Spans dropped'),
  proof: {
    fires: [{ 'up{job="otel-collector"}': '1x3 0x20' }, { 'up{job="otel-collector"}': '1x3 stale' }],
    silent: [{ 'up{job="otel-collector"}': '1x11 0x10' }],
    at: '15m',
  },
};

/** Spans lost where the service hands them over, and where the collector receives, queues and sends them. */
function tracesDropped(hasCollector: boolean): Alert {
  const inService = gt(lost(app.counter('traces_dropped_total')), 0);
  const inCollector = [
    'otelcol_receiver_refused_spans_total',
    'otelcol_receiver_refused_spans',
    'otelcol_exporter_send_failed_spans_total',
    'otelcol_exporter_send_failed_spans',
    'otelcol_exporter_enqueue_failed_spans_total',
    'otelcol_exporter_enqueue_failed_spans',
  ] as const;
  const parts = hasCollector ? inCollector.map((name) => gt(lost(collector.counter(name)), 0)) : [];
  return {
    name: 'TracesDropped',
    severity: 'warning',
    for: '10m',
    expr: parts.reduce((all, part) => or(all, part), inService),
    summary: 'Traces are lost on the way to their store',
    description:
      '{{ $value | humanize }} spans were given up in ten minutes, by the service or the collector; requests are not affected.',
    panel: panel('Spans dropped'),
    proof: {
      fires: [
        { 'traces_dropped_total{job="case-service"}': '0+5x40' },
        ...(hasCollector
          ? [{ 'otelcol_exporter_send_failed_spans_total{job="otel-collector"}': '0+5x40' }]
          : []),
      ],
      silent: [{ 'traces_dropped_total{job="case-service"}': '0x16 5x40' }],
      at: '30m',
    },
  };
}
