import { avg, changes, count, increase, max, rate, sub, sum, time } from '../../slo/promql.ts';
import type { Board } from '../model.ts';
import { alertmanager, fleet, prometheus, service, target } from '../scope.ts';

const every = '$__rate_interval';

/** The processes: the service's own, and those that watch it. */
export const runtime: Board = {
  uid: 'simple378-runtime',
  title: 'Simple378 Runtime',
  purpose: 'How the processes are: versions, restarts, event loop, CPU, memory, and the monitoring itself.',
  instancesOf: 'case-service',
  rows: [
    {
      title: 'Case service',
      panels: [
        {
          kind: 'stat',
          title: 'Replicas',
          tells: 'Replicas that answer Prometheus.',
          act: 'Fewer than configured: see which one is missing under Monitoring targets.',
          span: 4,
          thresholds: [{ from: 1, state: 'ok' }],
          queries: [{ expr: sum(target.gauge('up', { job: 'case-service' })), legend: 'replicas' }],
        },
        {
          kind: 'stat',
          title: 'Youngest replica',
          tells: 'Time since the last start of a replica.',
          act: 'Short without a deployment: a crash; its last log lines say why.',
          span: 4,
          unit: 's',
          queries: [{ expr: sub(time(), max(service.gauge('process_start_time_seconds'))), legend: 'age' }],
        },
        {
          kind: 'timeseries',
          title: 'Restarts',
          tells: 'Starts of each replica within 15 minutes, from its start time.',
          act: 'More than two: follow the runbook ServiceRestarting.',
          span: 8,
          min: 0,
          queries: [
            { expr: changes(service.gauge('process_start_time_seconds'), '15m'), legend: '{{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Versions',
          tells: 'Replicas by version.',
          act: 'Two versions for longer than a roll-out takes: it is stuck.',
          span: 8,
          min: 0,
          stacked: true,
          queries: [{ expr: count(fleet.gauge('build_info'), ['version']), legend: '{{version}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Event-loop delay',
          tells: 'How late the event loop is: median and 99th percentile of ten seconds, the worst replica.',
          act: 'Above 200 ms something computes too long at once: take a CPU profile.',
          span: 8,
          min: 0,
          thresholds: [{ from: 0.2, state: 'warning' }],
          queries: [
            { expr: max(service.gauge('event_loop_lag_seconds'), ['quantile']), legend: '{{quantile}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'CPU',
          tells: 'Share of one core that each replica uses; JavaScript cannot use more than one.',
          act: 'Above 90 %: add replicas.',
          span: 8,
          min: 0,
          thresholds: [{ from: 0.9, state: 'warning' }],
          queries: [
            { expr: rate(service.counter('process_cpu_seconds_total'), every), legend: '{{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Memory of replicas',
          tells: 'Resident memory of each replica.',
          act: 'A line that only ever rises is a leak: restart buys time, a heap snapshot finds it.',
          span: 8,
          min: 0,
          queries: [{ expr: service.gauge('process_resident_memory_bytes'), legend: '{{instance}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Redis calls',
          tells: 'Failed calls per second by role.',
          act: 'limiter alone: rights or deadline. data too: the connection or Redis.',
          span: 8,
          min: 0,
          awaits: 'a call to Redis has failed',
          queries: [
            { expr: sum(rate(service.counter('redis_errors_total'), every), ['store']), legend: '{{store}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Draining',
          tells: '1 while a replica ends its requests before it stops.',
          act: 'Longer than a minute: a client holds a connection; the process cuts it at its limit.',
          span: 8,
          min: 0,
          max: 1,
          queries: [{ expr: service.gauge('process_draining'), legend: '{{instance}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Spans dropped',
          tells: 'Spans given up because the collector did not take them.',
          act: 'Requests are not affected; look at the collector.',
          span: 8,
          min: 0,
          awaits: 'the collector has been away',
          queries: [{ expr: sum(rate(service.counter('traces_dropped_total'), every)), legend: 'spans' }],
        },
      ],
    },
    {
      title: 'Monitoring',
      panels: [
        {
          kind: 'timeseries',
          title: 'Monitoring targets',
          tells: 'Share of each job’s targets that Prometheus reaches.',
          act: 'Below 1: the process is down, or its certificate or network policy keeps Prometheus out.',
          span: 8,
          min: 0,
          max: 1,
          queries: [{ expr: avg(target.gauge('up'), ['job']), legend: '{{job}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Rule and notification failures',
          tells: 'Rule evaluations and notifications that failed.',
          act: 'Anything but 0: an alert may be missing.',
          span: 8,
          min: 0,
          queries: [
            {
              expr: sum(increase(prometheus.counter('prometheus_rule_evaluation_failures_total'), every)),
              legend: 'rules',
            },
            {
              expr: sum(increase(alertmanager.counter('alertmanager_notifications_failed_total'), every)),
              legend: 'notifications',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Series in memory',
          tells: 'Series that Prometheus holds.',
          act: 'Above the budget in docs/slo.md: find the metric with a label that grew.',
          span: 8,
          min: 0,
          queries: [{ expr: prometheus.gauge('prometheus_tsdb_head_series'), legend: 'series' }],
        },
      ],
    },
  ],
};
