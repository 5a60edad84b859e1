import { div, increase, max, quantile, rate, ratio, sum } from '../../slo/query/promql.ts';
import type { Board } from '../model/board.ts';
import { service } from '../model/scope.ts';

const every = '$__rate_interval';
const decisions = service.counter('ratelimit_decisions_total');

/** What the rate limiter decides, how fast, and how sure it is. */
export const limits: Board = {
  uid: 'simple378-limits',
  title: 'Simple378 Rate limiting',
  purpose: 'What the limiter decides, how fast, and whether it speaks for the whole fleet.',
  instancesOf: 'case-service',
  rows: [
    {
      title: 'Decisions',
      panels: [
        {
          kind: 'stat',
          title: 'Decisions per second',
          description: 'All decisions; one per request.',
          action: 'Should equal the request rate of the application dashboard.',
          span: 6,
          queries: [{ expr: sum(rate(decisions, every)), legend: 'decisions' }],
        },
        {
          kind: 'stat',
          title: 'Denied share',
          description: 'Share of requests answered 429.',
          action: 'Above a fifth an alert fires: find the policy below, then who and why in the log.',
          span: 6,
          thresholds: [
            { from: 0.05, state: 'warning' },
            { from: 0.2, state: 'critical' },
          ],
          queries: [
            {
              expr: ratio(
                sum(rate(service.counter('ratelimit_decisions_total', { decision: 'deny' }), every)),
                sum(rate(decisions, every)),
              ),
              legend: 'denied',
            },
          ],
        },
        {
          kind: 'stat',
          title: 'Degraded',
          description: 'Replicas that decide alone because Redis does not answer them.',
          action: 'Anything but 0: follow the runbook LimiterDegraded.',
          span: 6,
          thresholds: [{ from: 1, state: 'critical' }],
          queries: [{ expr: sum(service.gauge('limiter_degraded')), legend: 'replicas' }],
        },
        {
          kind: 'stat',
          title: 'Decision time (99 %)',
          description: 'Ninety-nine of a hundred decisions are faster.',
          action: 'Above 10 ms the limiter slows every request: see the store’s latency below.',
          span: 6,
          thresholds: [
            { from: 0.005, state: 'warning' },
            { from: 0.01, state: 'critical' },
          ],
          queries: [
            {
              expr: quantile(
                0.99,
                sum(rate(service.buckets('ratelimit_decision_duration_seconds'), every), ['le']),
              ),
              legend: '99 %',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Decisions by outcome',
          description: 'Allowed, denied, and not possible (503 under policies that fail closed).',
          action: 'Unavailable means that Redis was away during logins.',
          stacked: true,
          min: 0,
          queries: [{ expr: sum(rate(decisions, every), ['decision']), legend: '{{decision}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Decisions by source',
          description:
            'Where decisions come from: Redis, a denial remembered on the replica, or the replica alone.',
          action: 'Local for more than a moment means that the limiter is degraded.',
          stacked: true,
          min: 0,
          queries: [{ expr: sum(rate(decisions, every), ['source']), legend: '{{source}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Denials by policy',
          description: 'Denials per second, by the rule that denied.',
          action:
            'login and login-address: guessing. default: a client in a loop. global: the fleet is at its limit.',
          min: 0,
          stacked: true,
          awaits: 'a request has been denied',
          queries: [
            {
              expr: sum(rate(service.counter('ratelimit_decisions_total', { decision: 'deny' }), every), [
                'policy',
              ]),
              legend: '{{policy}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Tightest policy of allowed requests',
          description: 'Which rule was closest to denying, for requests that were allowed.',
          action: 'A rule that takes over here is the next to deny.',
          min: 0,
          stacked: true,
          queries: [
            {
              expr: sum(rate(service.counter('ratelimit_decisions_total', { decision: 'allow' }), every), [
                'policy',
              ]),
              legend: '{{policy}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Users near a limit',
          description:
            'Users with less than a tenth of a quota left in the last minute, by policy; nobody is named.',
          action: 'Many at once: the quota may be too low for honest use. Few: look at the denials.',
          min: 0,
          awaits: 'a user has come near a limit',
          queries: [
            { expr: sum(service.gauge('ratelimit_near_limit_users'), ['policy']), legend: '{{policy}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Shadow rules',
          description: 'What rules in shadow mode would have decided.',
          action: 'Enforce a rule when its denials are only those that you want.',
          min: 0,
          awaits: 'a policy runs in shadow mode',
          queries: [
            {
              expr: sum(rate(service.counter('ratelimit_shadow_total'), every), ['policy', 'decision']),
              legend: '{{policy}} {{decision}}',
            },
          ],
        },
      ],
    },
    {
      title: 'The store',
      panels: [
        {
          kind: 'timeseries',
          title: 'Decision latency by source',
          description: 'The 99th percentile of decisions, by source.',
          action: 'Redis slow and the others fast: the network or Redis. All slow: the event loop.',
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
        {
          kind: 'timeseries',
          title: 'Store latency',
          description: 'Half and 99 % of limiter calls to Redis; the deadline is 50 ms.',
          action: 'Near the deadline the breaker opens: see the Redis dashboard.',
          span: 8,
          min: 0,
          thresholds: [{ from: 0.05, state: 'critical' }],
          queries: [0.5, 0.99].map((phi) => ({
            expr: quantile(
              phi,
              sum(rate(service.buckets('ratelimit_store_duration_seconds'), every), ['le']),
            ),
            legend: `${phi * 100} %`,
            exemplars: phi === 0.99,
          })),
        },
        {
          kind: 'timeseries',
          title: 'Store calls by result',
          description: 'Limiter calls to Redis per second: answered, failed, too late.',
          action:
            'Timeouts without errors are a slow or frozen Redis; errors are a lost connection or rights.',
          span: 8,
          min: 0,
          stacked: true,
          queries: [
            {
              expr: sum(rate(service.observations('ratelimit_store_duration_seconds'), every), ['result']),
              legend: '{{result}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Circuit breaker',
          description: 'Replicas by the state of their breaker.',
          action: 'Open: Redis is not called. Half open: one call tries whether it is back.',
          min: 0,
          stacked: true,
          queries: [{ expr: sum(service.gauge('ratelimit_breaker_state'), ['state']), legend: '{{state}}' }],
        },
        {
          kind: 'timeseries',
          title: 'Admitted without Redis',
          description:
            'Share of requests that a replica admitted alone: an upper estimate of what may exceed the quotas.',
          action: 'Short peaks at a failover are expected; a plateau is a broken connection.',
          min: 0,
          awaits: 'Redis has been away',
          queries: [
            {
              expr: div(
                max(sum(increase(service.counter('ratelimit_local_admissions_total'), every), ['policy'])),
                sum(increase(decisions, every)),
              ),
              legend: 'share',
            },
            { expr: max(service.gauge('limiter_degraded')), legend: 'degraded' },
          ],
        },
      ],
    },
  ],
};
