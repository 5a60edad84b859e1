import { objective } from '../../slo/objectives/objectives.ts';
import { div, increase, max, quantile, rate, ratio, sum, topk } from '../../slo/query/promql.ts';
import type { Board } from '../model/board.ts';
import { fleet, service } from '../model/scope.ts';

const every = '$__rate_interval';
const latency = objective('api-latency').indicator;
const within = latency.kind === 'latency' ? latency.withinSeconds : 0;
const requests = service.counter('http_requests_total');
const operations = service.counter('case_operations_total');
const durations = (phi: number) =>
  quantile(phi, sum(rate(service.buckets('http_request_duration_seconds'), every), ['le']));
const hits = sum(rate(service.counter('cache_lookups_total', { result: 'hit' }), every), ['cache_type']);

/** What users do, and how the service answers them. */
export const application: Board = {
  uid: 'simple378',
  title: 'Simple378 Application Dashboard',
  purpose: 'What users do with cases, and how fast and how well the service answers.',
  instancesOf: 'case-service',
  rows: [
    {
      title: 'Cases',
      panels: [
        {
          kind: 'timeseries',
          title: 'Case Operations',
          description: 'Operations on cases per second, by kind.',
          action: 'A kind that falls to nothing while others go on is broken: look at its errors below.',
          span: 8,
          stacked: true,
          min: 0,
          queries: [{ expr: sum(rate(operations, every), ['operation']), legend: '{{operation}}' }],
        },
        {
          kind: 'stat',
          title: 'Active Users',
          description: 'Distinct users of the last five minutes, of the whole fleet.',
          action: 'A sudden fall is often the first sign that people cannot get in: look at logins.',
          span: 4,
          queries: [{ expr: max(fleet.gauge('active_users')), legend: 'users' }],
        },
        {
          kind: 'timeseries',
          title: 'Cache Hit Ratio',
          description:
            'Share of case reads served by the cache: as the replicas report it over five minutes, and computed over the shown interval.',
          action:
            'Low after a restart is normal; low for long means that Redis carries the reads: see its dashboard.',
          span: 6,
          min: 0,
          max: 1,
          unit: 'percentunit',
          queries: [
            {
              expr: max(service.gauge('cache_hit_ratio'), ['cache_type']),
              legend: '{{cache_type}}, best replica',
            },
            {
              expr: div(hits, sum(rate(service.counter('cache_lookups_total'), every), ['cache_type'])),
              legend: '{{cache_type}}, all replicas',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Sync Queue Depth',
          description: 'Offline operations not yet applied: all, and the five deepest queues by account id.',
          action:
            'A single deep queue is a client that cannot finish: ask its user. All deep: see sync results.',
          span: 6,
          min: 0,
          unit: 'short',
          awaits: 'a client has synchronised offline work',
          queries: [
            { expr: sum(max(fleet.gauge('offline_sync_queue_depth'), ['user_id'])), legend: 'all' },
            {
              expr: topk(5, max(fleet.gauge('offline_sync_queue_depth'), ['user_id'])),
              legend: '{{user_id}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Failed operations',
          description: 'Share of case operations that failed, by kind.',
          action: 'All kinds at once: Redis. One kind: its own code or its input.',
          span: 12,
          min: 0,
          queries: [
            {
              expr: ratio(
                sum(rate(service.counter('case_operations_total', { status: 'failure' }), every), [
                  'operation',
                ]),
                sum(rate(operations, every), ['operation']),
              ),
              legend: '{{operation}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Duration of operations',
          description: 'The 95th percentile of each kind of operation.',
          action: 'Search and export read many cases and are slower; watch for a change, not for the level.',
          span: 12,
          min: 0,
          thresholds: [{ from: within, state: 'warning' }],
          queries: [
            {
              expr: quantile(
                0.95,
                sum(rate(service.buckets('case_operation_duration_seconds'), every), ['le', 'operation']),
              ),
              legend: '{{operation}}',
              exemplars: true,
            },
          ],
        },
      ],
    },
    {
      title: 'Requests: rate, errors, duration',
      panels: [
        {
          kind: 'timeseries',
          title: 'Requests by status',
          description: 'Requests per second by class of status.',
          action:
            '5xx is us, 4xx are clients; 429s are counted in 4xx and shown on the rate-limiting dashboard.',
          span: 8,
          stacked: true,
          min: 0,
          unit: 'reqps',
          queries: [{ expr: sum(rate(requests, every), ['status']), legend: '{{status}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Server errors',
          description:
            'Share of requests answered with 5xx, by route; the line is what the objective allows.',
          action: 'Above the line the error budget shrinks: follow the alert’s runbook.',
          span: 8,
          min: 0,
          thresholds: [{ from: 0.001, state: 'warning' }],
          queries: [
            {
              expr: ratio(
                sum(rate(service.counter('http_requests_total', { status: '5xx' }), every), ['route']),
                sum(rate(requests, every), ['route']),
              ),
              legend: '{{route}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Latency',
          description:
            'Half, 95 % and 99 % of requests are faster than these; dots are single traces, the line is the objective.',
          action:
            'Open a dot’s trace to see which part took the time; compare with event-loop delay and Redis.',
          span: 8,
          min: 0,
          thresholds: [{ from: within, state: 'warning' }],
          queries: [
            { expr: durations(0.5), legend: '50 %' },
            { expr: durations(0.95), legend: '95 %' },
            { expr: durations(0.99), legend: '99 %', exemplars: true },
          ],
        },
        {
          kind: 'heatmap',
          title: 'Latency distribution',
          description: 'How many requests fell into each range of duration.',
          action: 'Two bands are two kinds of request or a cache; a band that rises over time is saturation.',
          span: 12,
          unit: 's',
          queries: [
            {
              expr: sum(increase(service.buckets('http_request_duration_seconds'), every), ['le']),
              legend: '{{le}}',
              exemplars: true,
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Slowest routes',
          description: 'The five routes with the highest 95th percentile.',
          action: 'A route that newly appears here was changed or gets other input.',
          span: 12,
          min: 0,
          queries: [
            {
              expr: topk(
                5,
                quantile(
                  0.95,
                  sum(rate(service.buckets('http_request_duration_seconds'), every), ['le', 'route']),
                ),
              ),
              legend: '{{route}}',
              exemplars: true,
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Requests in flight',
          description: 'Requests being answered at this moment, by replica.',
          action: 'Rising without more requests means that answers wait: Redis or the event loop.',
          span: 8,
          min: 0,
          queries: [
            { expr: sum(service.gauge('http_requests_in_flight'), ['instance']), legend: '{{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Rate-limit decisions',
          description: 'Decisions per second: allowed, denied, and not possible.',
          action:
            'Denials that rise with the load are the limits at work; details are on the rate-limiting dashboard.',
          span: 8,
          min: 0,
          stacked: true,
          queries: [
            {
              expr: sum(rate(service.counter('ratelimit_decisions_total'), every), ['decision']),
              legend: '{{decision}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Rate-limit latency',
          description: 'The 99th percentile of the time that a decision takes.',
          action: 'Above 10 ms the objective is missed: see Redis and the event loop.',
          span: 8,
          min: 0,
          thresholds: [{ from: 0.01, state: 'warning' }],
          queries: [
            {
              expr: quantile(
                0.99,
                sum(rate(service.buckets('ratelimit_decision_duration_seconds'), every), ['le', 'source']),
              ),
              legend: '{{source}}',
              exemplars: true,
            },
          ],
        },
      ],
    },
    {
      title: 'Offline work',
      panels: [
        {
          kind: 'timeseries',
          title: 'Sync results',
          description: 'Offline operations per second by result.',
          action: 'Conflicts are two people on one case; rejected ones are an old or broken client.',
          span: 12,
          min: 0,
          stacked: true,
          awaits: 'a client has synchronised offline work',
          queries: [
            {
              expr: sum(rate(service.counter('sync_operations_total'), every), ['result']),
              legend: '{{result}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Age of offline work',
          description: 'How old operations are when they are applied: half and 95 %.',
          action:
            'Age is mostly time without a network; it matters when it rises for clients that are online.',
          span: 12,
          min: 0,
          thresholds: [{ from: 14_400, state: 'warning' }],
          awaits: 'a client has synchronised offline work',
          queries: [0.5, 0.95].map((phi) => ({
            expr: quantile(phi, sum(rate(service.buckets('sync_freshness_seconds'), every), ['le'])),
            legend: `${phi * 100} %`,
          })),
        },
      ],
    },
  ],
};
