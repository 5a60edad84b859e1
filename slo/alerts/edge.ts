import { burns } from '../objectives/burn-rates.ts';
import { objective } from '../objectives/objectives.ts';
import {
  and,
  count,
  div,
  gt,
  increase,
  lt,
  or,
  over,
  quantile,
  rate,
  sub,
  sum,
  unless,
} from '../query/promql.ts';
import { app, edge, target } from '../query/selectors.ts';
import type { Alert } from './alert.ts';
import { burnThreshold } from './burn.ts';

const up = target.gauge('up', { job: 'traefik' });
const traffic = { entrypoint: { not: ['metrics'] } } as const;
const requests = (window: '10m') =>
  sum(increase(edge.counter('traefik_entrypoint_requests_total', traffic), window), ['environment']);
const failed = (window: '10m') =>
  sum(
    increase(
      edge.counter('traefik_entrypoint_requests_total', { ...traffic, code: { matching: '5..' } }),
      window,
    ),
    ['environment'],
  );
const failedInService = sum(increase(app.counter('http_requests_total', { status: '5xx' }), '10m'), [
  'environment',
]);
const buckets = edge.buckets('traefik_entrypoint_request_duration_seconds', traffic);
const slowest = (share: number) =>
  quantile(Number((1 - share).toPrecision(12)), sum(rate(buckets, '10m'), ['environment', 'le']));
const measured = sum(
  increase(edge.observations('traefik_entrypoint_request_duration_seconds', traffic), '10m'),
  ['environment'],
);
const latency = objective('api-latency');
const [fast, , slow] = burns as readonly [(typeof burns)[0], (typeof burns)[0], (typeof burns)[0]];
/** Four times the bound of the service: password checks and exports pass the edge too. */
const edgeSeconds = latency.indicator.kind === 'latency' ? latency.indicator.withinSeconds * 4 : 1;

const series = (name: string, labels: string) =>
  `${name}{job="traefik",entrypoint="https",method="GET",protocol="http",instance="a",${labels}}`;
const durations = (within: string, beyond: string) => ({
  [series('traefik_entrypoint_request_duration_seconds_bucket', 'code="200",le="0.3"')]: within,
  [series('traefik_entrypoint_request_duration_seconds_bucket', 'code="200",le="1.2"')]: within,
  [series('traefik_entrypoint_request_duration_seconds_bucket', 'code="200",le="5"')]: beyond,
  [series('traefik_entrypoint_request_duration_seconds_bucket', 'code="200",le="+Inf"')]: beyond,
  [series('traefik_entrypoint_request_duration_seconds_count', 'code="200"')]: beyond,
});

/** The edge (Traefik), where this stack runs it: the only place that sees requests which no replica answers. */
export const edgeAlerts: readonly Alert[] = [
  {
    name: 'EdgeDown',
    severity: 'critical',
    for: '1m',
    expr: or(
      lt(sum(up, ['environment', 'job']), 1),
      // Targets that were there within three days and that DNS no longer names.
      unless(count(over('max', up, '3d'), ['environment', 'job']), count(up, ['environment', 'job'])),
    ),
    summary: 'No pod of the edge answers',
    description: 'Prometheus reaches no Traefik: clients most likely cannot connect.',
    panel: { dashboard: 'runtime', title: 'Edge: requests by status' },
    proof: {
      fires: [
        { 'up{job="traefik",instance="a"}': '1x3 0x20', 'up{job="traefik",instance="b"}': '1x3 0x20' },
        { 'up{job="traefik",instance="a"}': '1x3 stale' },
      ],
      silent: [
        { 'up{job="traefik",instance="a"}': '0x20', 'up{job="traefik",instance="b"}': '1x20' },
        { 'up{job="traefik",instance="a"}': '1x9 0x10' },
      ],
      at: '10m',
    },
  },
  {
    name: 'EdgeErrors',
    severity: 'warning',
    for: '10m',
    expr: and(
      gt(div(or(sub(failed('10m'), failedInService), failed('10m')), requests('10m')), 0.01),
      gt(failed('10m'), 10),
    ),
    summary: 'The edge answers with server errors that no replica sent',
    description: '{{ $value | humanizePercentage }} of requests of ten minutes found no replica, or lost it.',
    panel: { dashboard: 'runtime', title: 'Edge: requests by status' },
    proof: {
      fires: {
        [series('traefik_entrypoint_requests_total', 'code="200"')]: '0+90x40',
        [series('traefik_entrypoint_requests_total', 'code="502"')]: '0+10x40',
      },
      silent: [
        {
          [series('traefik_entrypoint_requests_total', 'code="200"')]: '0+991x40',
          [series('traefik_entrypoint_requests_total', 'code="502"')]: '0+9x40',
        },
        // The replicas sent them: the objective of availability counts these.
        {
          [series('traefik_entrypoint_requests_total', 'code="200"')]: '0+90x40',
          [series('traefik_entrypoint_requests_total', 'code="500"')]: '0+10x40',
          'http_requests_total{job="case-service",route="/api/v1/cases",method="GET",status="5xx"}':
            '0+10x40',
        },
      ],
      at: '30m',
    },
  },
  {
    name: 'EdgeLatencyHigh',
    severity: 'critical',
    for: '5m',
    expr: and(gt(slowest(burnThreshold(latency, fast)), edgeSeconds), gt(measured, 20)),
    summary: 'Requests take more than a second at the edge',
    description: `More than ${Math.round(burnThreshold(latency, fast) * 100)} % of requests take {{ $value | humanizeDuration }} or longer, as clients see it.`,
    panel: { dashboard: 'runtime', title: 'Edge: duration of requests' },
    proof: {
      fires: durations('0+10x40', '0+100x40'),
      silent: [durations('0+88x40', '0+100x40'), durations('0x40', '0+1.5x40')],
      at: '25m',
    },
  },
  {
    name: 'EdgeLatencyHigh',
    severity: 'warning',
    for: '15m',
    expr: and(gt(slowest(burnThreshold(latency, slow)), edgeSeconds), gt(measured, 100)),
    summary: 'A part of requests takes more than a second at the edge',
    description: `More than ${Math.round(burnThreshold(latency, slow) * 100)} % of requests take {{ $value | humanizeDuration }} or longer, as clients see it.`,
    panel: { dashboard: 'runtime', title: 'Edge: duration of requests' },
    proof: {
      fires: durations('0+90x60', '0+100x60'),
      silent: [durations('0+97.5x60', '0+100x60'), durations('0x60', '0+9x60')],
      at: '45m',
    },
  },
];
