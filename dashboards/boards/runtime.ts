import {
  avg,
  changes,
  count,
  increase,
  max,
  min,
  quantile,
  rate,
  sub,
  sum,
  time,
} from '../../slo/query/promql.ts';
import type { Board } from '../model/board.ts';
import { alertmanager, collector, edge, fleet, prometheus, service, target } from '../model/scope.ts';

const every = '$__rate_interval';
const day = 86_400;
const clients = { entrypoint: { not: ['metrics'] } } as const;

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
          description: 'Replicas that answer Prometheus.',
          action: 'Fewer than configured: see which one is missing under Monitoring targets.',
          span: 4,
          thresholds: [{ from: 1, state: 'ok' }],
          queries: [{ expr: sum(target.gauge('up', { job: 'case-service' })), legend: 'replicas' }],
        },
        {
          kind: 'stat',
          title: 'Youngest replica',
          description: 'Time since the last start of a replica.',
          action: 'Short without a deployment: a crash; its last log lines say why.',
          span: 4,
          unit: 's',
          queries: [{ expr: sub(time(), max(service.gauge('process_start_time_seconds'))), legend: 'age' }],
        },
        {
          kind: 'timeseries',
          title: 'Restarts',
          description: 'Starts of each replica within 30 minutes, from its start time.',
          action: 'More than two: follow the runbook ServiceRestarting.',
          span: 8,
          min: 0,
          queries: [
            { expr: changes(service.gauge('process_start_time_seconds'), '30m'), legend: '{{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Versions',
          description: 'Replicas by version.',
          action: 'Two versions for longer than a roll-out takes: it is stuck.',
          span: 8,
          min: 0,
          stacked: true,
          queries: [{ expr: count(fleet.gauge('build_info'), ['version']), legend: '{{version}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Event-loop delay',
          description:
            'How late the event loop is: median and 99th percentile of ten seconds, the worst replica.',
          action: 'Above 200 ms something computes too long at once: take a CPU profile.',
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
          description: 'Share of one core that each replica uses; JavaScript cannot use more than one.',
          action: 'Above 90 %: add replicas.',
          span: 8,
          min: 0,
          thresholds: [{ from: 0.9, state: 'warning' }],
          queries: [
            { expr: rate(service.counter('process_cpu_seconds_total'), every), legend: '{{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Memory',
          description: 'Resident memory of each replica.',
          action: 'A line that only ever rises is a leak: restart buys time, a heap snapshot finds it.',
          span: 8,
          min: 0,
          queries: [{ expr: service.gauge('process_resident_memory_bytes'), legend: '{{instance}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Redis calls',
          description: 'Failed calls per second by role.',
          action: 'limiter alone: rights or deadline. data too: the connection or Redis.',
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
          description: '1 while a replica ends its requests before it stops.',
          action: 'Longer than a minute: a client holds a connection; the process cuts it at its limit.',
          span: 8,
          min: 0,
          max: 1,
          queries: [{ expr: service.gauge('process_draining'), legend: '{{instance}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Spans dropped',
          description:
            'Spans per second given up by the service, refused by the collector, and not accepted by the store.',
          action: 'Requests are not affected; look at the collector and at the trace store.',
          span: 8,
          min: 0,
          awaits: 'the collector has been away',
          queries: [
            { expr: sum(rate(service.counter('traces_dropped_total'), every)), legend: 'service' },
            {
              expr: sum(rate(collector.counter('otelcol_receiver_refused_spans_total'), every)),
              legend: 'collector',
            },
            {
              expr: sum(rate(collector.counter('otelcol_exporter_send_failed_spans_total'), every)),
              legend: 'store',
            },
          ],
        },
      ],
    },
    {
      title: 'Edge',
      panels: [
        {
          kind: 'timeseries',
          title: 'Edge: requests by status',
          description:
            'Requests per second as the edge answered them, those that no replica answered included.',
          action: '502 to 504 without 5xx of the service: no replica was reachable. Follow EdgeErrors.',
          span: 8,
          min: 0,
          stacked: true,
          awaits: 'the edge of this stack has answered a request',
          queries: [
            {
              expr: sum(rate(edge.counter('traefik_entrypoint_requests_total', clients), every), ['code']),
              legend: '{{code}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Edge: duration of requests',
          description: 'Duration of requests at the edge: median, 95th and 99th percentile.',
          action: 'High here and low in the service: the edge has too little CPU, or connections queue.',
          span: 8,
          min: 0,
          awaits: 'the edge of this stack has answered a request',
          queries: [0.5, 0.95, 0.99].map((phi) => ({
            expr: quantile(
              phi,
              sum(rate(edge.buckets('traefik_entrypoint_request_duration_seconds', clients), every), ['le']),
            ),
            legend: `p${phi * 100}`,
          })),
        },
        {
          kind: 'stat',
          title: 'Edge: certificate ends in',
          description: 'Time until the public certificate ends, of the newest for each host.',
          action: 'Below two weeks: renewal has failed; follow CertificateExpiresSoon.',
          span: 8,
          unit: 's',
          thresholds: [
            { from: 2 * day, state: 'warning' },
            { from: 14 * day, state: 'ok' },
          ],
          awaits: 'the edge of this stack serves a certificate',
          queries: [
            {
              expr: sub(min(max(edge.gauge('traefik_tls_certs_not_after'), ['sans'])), time()),
              legend: 'left',
            },
          ],
        },
      ],
    },
    {
      title: 'Monitoring',
      panels: [
        {
          kind: 'timeseries',
          title: 'Monitoring targets',
          description: 'Share of each job’s targets that Prometheus reaches.',
          action: 'Below 1: the process is down, or its certificate or network policy keeps Prometheus out.',
          span: 8,
          min: 0,
          max: 1,
          queries: [{ expr: avg(target.gauge('up'), ['job']), legend: '{{job}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Rule and notification failures',
          description: 'Rule evaluations and notifications that failed.',
          action: 'Anything but 0: an alert may be missing.',
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
          description: 'Series that Prometheus holds.',
          action: 'Above the budget in docs/slo.md: find the metric with a label that grew.',
          span: 8,
          min: 0,
          queries: [{ expr: prometheus.gauge('prometheus_tsdb_head_series'), legend: 'series' }],
        },
      ],
    },
  ],
};
