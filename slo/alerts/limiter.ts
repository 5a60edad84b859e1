import { and, avg, div, gt, increase, max, sum } from '../query/promql.ts';
import { app } from '../query/selectors.ts';
import type { Alert } from './alert.ts';

const decisions = sum(increase(app.counter('ratelimit_decisions_total'), '10m'), ['environment']);

/** The limiter: when it guesses, when it admits too much, and what a shadow rule would do. */
export const limiterAlerts: readonly Alert[] = [
  {
    name: 'LimiterDegraded',
    severity: 'critical',
    for: '1m',
    expr: gt(avg(app.gauge('limiter_degraded'), ['environment']), 0.5),
    summary: 'Limits are enforced by each replica alone',
    description:
      '{{ $value | humanizePercentage }} of replicas do not reach Redis and enforce their share of each quota; logins answer 503.',
    panel: { dashboard: 'limits', title: 'Degraded' },
    proof: {
      fires: { 'limiter_degraded{job="case-service",instance="a"}': '0x3 1x15' },
      silent: [
        { 'limiter_degraded{job="case-service",instance="a"}': '0x14 1x15' },
        {
          'limiter_degraded{job="case-service",instance="a"}': '1x20',
          'limiter_degraded{job="case-service",instance="b"}': '0x20',
        },
      ],
      at: '15m',
    },
  },
  {
    name: 'LimiterDegraded',
    severity: 'warning',
    for: '5m',
    expr: gt(max(app.gauge('limiter_degraded'), ['environment', 'instance']), 0),
    summary: 'A replica enforces limits without Redis',
    description: '{{ $labels.instance }} does not reach Redis and enforces its share of each quota.',
    panel: { dashboard: 'limits', title: 'Degraded' },
    proof: {
      fires: {
        'limiter_degraded{job="case-service",instance="a"}': '0x3 1x15',
        'limiter_degraded{job="case-service",instance="b"}': '0x20',
      },
      silent: [{ 'limiter_degraded{job="case-service",instance="a"}': '0x11 1x15' }],
      at: '15m',
    },
  },
  {
    name: 'LimiterBreakerOpen',
    severity: 'warning',
    for: '2m',
    expr: gt(max(app.gauge('ratelimit_breaker_state', { state: 'open' }), ['environment', 'instance']), 0),
    summary: 'The circuit breaker of the limiter store is open',
    description: '{{ $labels.instance }} has stopped calling Redis after failures or deadlines missed.',
    panel: { dashboard: 'limits', title: 'Circuit breaker' },
    proof: {
      fires: { 'ratelimit_breaker_state{job="case-service",state="open",instance="a"}': '1x20' },
      silent: [
        { 'ratelimit_breaker_state{job="case-service",state="half_open",instance="a"}': '1x20' },
        { 'ratelimit_breaker_state{job="case-service",state="open",instance="a"}': '0x8 1x10' },
      ],
      at: '10m',
    },
  },
  {
    name: 'LimiterOverAdmission',
    severity: 'warning',
    for: '5m',
    expr: and(
      gt(
        div(
          // One request counts in each of its policies; in the one that all of them have, each counts once.
          max(
            sum(increase(app.counter('ratelimit_local_admissions_total'), '10m'), ['environment', 'policy']),
            ['environment'],
          ),
          decisions,
        ),
        0.1,
      ),
      gt(decisions, 100),
    ),
    summary: 'More may be admitted than the quotas allow',
    description:
      '{{ $value | humanizePercentage }} of the requests of ten minutes were admitted without Redis. A user spread ' +
      'evenly over the replicas gets at most the quota; one bound to a single replica gets less.',
    panel: { dashboard: 'limits', title: 'Admitted without Redis' },
    proof: {
      fires: {
        'ratelimit_local_admissions_total{job="case-service",policy="default"}': '0+20x40',
        'ratelimit_decisions_total{job="case-service",policy="default",decision="allow",source="local"}':
          '0+50x40',
      },
      silent: [
        {
          'ratelimit_local_admissions_total{job="case-service",policy="default"}': '0+6x40',
          'ratelimit_local_admissions_total{job="case-service",policy="global"}': '0+9x40',
          'ratelimit_decisions_total{job="case-service",policy="default",decision="allow",source="redis"}':
            '0+100x40',
        },
        // Almost all of them, and almost enough of them to mean something.
        {
          'ratelimit_local_admissions_total{job="case-service",policy="default"}': '0+9x40',
          'ratelimit_decisions_total{job="case-service",policy="default",decision="allow",source="local"}':
            '0+9x40',
        },
      ],
      at: '30m',
    },
  },
  {
    name: 'LimiterShadowDenials',
    severity: 'warning',
    for: '30m',
    expr: gt(
      div(
        sum(increase(app.counter('ratelimit_shadow_total', { decision: 'deny' }), '30m'), [
          'environment',
          'policy',
        ]),
        sum(increase(app.counter('ratelimit_shadow_total'), '30m'), ['environment', 'policy']),
      ),
      0.01,
    ),
    summary: 'A shadow rule would deny more than one request in a hundred',
    description:
      'Policy {{ $labels.policy }} would deny {{ $value | humanizePercentage }}: look at who before it is enforced.',
    panel: { dashboard: 'limits', title: 'Shadow rules' },
    proof: {
      fires: {
        'ratelimit_shadow_total{job="case-service",policy="new",decision="deny"}': '0+5x90',
        'ratelimit_shadow_total{job="case-service",policy="new",decision="allow"}': '0+95x90',
      },
      silent: [
        {
          'ratelimit_shadow_total{job="case-service",policy="new",decision="deny"}': '0+9x90',
          'ratelimit_shadow_total{job="case-service",policy="new",decision="allow"}': '0+991x90',
        },
      ],
      at: '80m',
    },
  },
  {
    name: 'LimiterDenialsHigh',
    severity: 'warning',
    for: '10m',
    expr: and(
      gt(
        div(
          sum(increase(app.counter('ratelimit_decisions_total', { decision: 'deny' }), '10m'), [
            'environment',
          ]),
          decisions,
        ),
        0.2,
      ),
      gt(decisions, 500),
    ),
    summary: 'More than a fifth of requests are denied',
    description:
      '{{ $value | humanizePercentage }} of requests got 429: an attack, a client in a loop, or a quota too low.',
    panel: { dashboard: 'limits', title: 'Decisions by outcome' },
    proof: {
      fires: {
        'ratelimit_decisions_total{job="case-service",policy="default",decision="deny",source="redis"}':
          '0+50x40',
        'ratelimit_decisions_total{job="case-service",policy="default",decision="allow",source="redis"}':
          '0+50x40',
      },
      silent: [
        {
          'ratelimit_decisions_total{job="case-service",policy="default",decision="deny",source="redis"}':
            '0+19x40',
          'ratelimit_decisions_total{job="case-service",policy="default",decision="allow",source="redis"}':
            '0+81x40',
        },
        {
          'ratelimit_decisions_total{job="case-service",policy="default",decision="deny",source="redis"}':
            '0+48x40',
        },
      ],
      at: '35m',
    },
  },
];
