import type { Catalogue, LabelsOf, MetricName } from '../../contract/metrics.ts';

/**
 * The service's objectives, once. Recording rules, alerts, their tests, panels, load-test thresholds and `docs/slo.md`
 * all follow from this list. Pure: k6, Pulumi and vitest load it.
 */

type Of<Type extends string> = {
  [N in MetricName]: Catalogue[N]['type'] extends Type ? N : never;
}[MetricName];
/** Which series of a metric are meant: a value, or values to leave out. */
type Selection<N extends MetricName> = {
  readonly [L in keyof LabelsOf<N>]?: LabelsOf<N>[L] | { readonly not: readonly LabelsOf<N>[L][] };
};
/** Bad events over all events of one counter; `bad` lists selections that do not overlap. */
type Ratio<N extends MetricName> = {
  readonly kind: 'ratio';
  readonly metric: N;
  readonly of: Selection<N>;
  readonly bad: readonly Selection<N>[];
  /** Where this stack runs the edge, requests that no replica answered are in the edge's counters only: take the larger. */
  readonly orAtEdge?: true;
};
/** Events slower than a bucket bound of one histogram. */
type Latency<N extends MetricName> = {
  readonly kind: 'latency';
  readonly metric: N;
  readonly of: Selection<N>;
  readonly withinSeconds: number;
  /** A counter of the same events, and those among them that are bad however fast they were answered. */
  readonly refused?: Ratio<'auth_login_total'>;
};
/** What an objective measures. */
export type Indicator =
  | { [N in Of<'counter'>]: Ratio<N> }[Of<'counter'>]
  | { [N in Of<'histogram'>]: Latency<N> }[Of<'histogram'>];

/** A service level objective. */
export interface Objective {
  /** The `slo` label of everything that follows from it. */
  readonly id: string;
  readonly title: string;
  /** What a user notices when it is missed. */
  readonly promise: string;
  readonly indicator: Indicator;
  /** Share of good events over the window, below 1. */
  readonly target: number;
  readonly windowDays: number;
  /** Fewest bad events in an alert's long window. With fewer, a single failure at night would be a page. */
  readonly minBadEvents: number;
  /** `page`: fast burns are critical, slow ones warnings. `ticket`: all burns are warnings. */
  readonly urgency: 'page' | 'ticket';
}

const probes = ['/', '/health'] as const;
const loginRoute = '/api/v1/auth/login';

/** All objectives; `checks.ts` refuses wrong ones when rules are written. */
export const objectives = [
  {
    id: 'api-availability',
    title: 'API availability',
    promise:
      'Requests are answered without a server error, as the edge counts them where this stack runs it.',
    indicator: {
      kind: 'ratio',
      metric: 'http_requests_total',
      of: { route: { not: probes } },
      bad: [{ status: '5xx' }],
      orAtEdge: true,
    },
    target: 0.999,
    windowDays: 30,
    minBadEvents: 10,
    urgency: 'page',
  },
  {
    id: 'api-latency',
    title: 'API latency',
    promise: 'Requests are answered within 250 ms; the export streams and is left out.',
    indicator: {
      kind: 'latency',
      metric: 'http_request_duration_seconds',
      of: { route: { not: [...probes, '/api/v1/cases/export', loginRoute] } },
      withinSeconds: 0.25,
    },
    target: 0.99,
    windowDays: 30,
    minBadEvents: 10,
    urgency: 'page',
  },
  {
    id: 'login',
    title: 'Login',
    promise: 'A login is judged within a second: neither refused for lack of room nor kept waiting.',
    indicator: {
      kind: 'latency',
      metric: 'http_request_duration_seconds',
      of: { route: loginRoute },
      withinSeconds: 1,
      refused: { kind: 'ratio', metric: 'auth_login_total', of: {}, bad: [{ result: 'overloaded' }] },
    },
    target: 0.99,
    windowDays: 30,
    minBadEvents: 10,
    urgency: 'page',
  },
  {
    id: 'limiter-correctness',
    title: 'Limiter correctness',
    promise: 'A decision counts the whole fleet: it comes from Redis, or from a denial that Redis gave.',
    indicator: {
      kind: 'ratio',
      metric: 'ratelimit_decisions_total',
      of: {},
      bad: [{ source: 'local' }, { decision: 'unavailable', source: { not: ['local'] } }],
    },
    target: 0.999,
    windowDays: 30,
    minBadEvents: 10,
    urgency: 'page',
  },
  {
    id: 'limiter-latency',
    title: 'Limiter latency',
    promise: 'The limiter adds at most 10 ms to a request.',
    indicator: {
      kind: 'latency',
      metric: 'ratelimit_decision_duration_seconds',
      of: {},
      withinSeconds: 0.01,
    },
    target: 0.99,
    windowDays: 30,
    minBadEvents: 10,
    urgency: 'ticket',
  },
  {
    id: 'sync-freshness',
    title: 'Sync freshness',
    promise: 'Offline work is applied within four hours of being queued on the device.',
    indicator: {
      kind: 'latency',
      metric: 'sync_freshness_seconds',
      of: {},
      withinSeconds: 14_400,
    },
    target: 0.95,
    windowDays: 30,
    minBadEvents: 10,
    urgency: 'ticket',
  },
] as const satisfies readonly Objective[];

/** The id of an objective. */
export type ObjectiveId = (typeof objectives)[number]['id'];

/** The allowed share of bad events. */
export const budget = ({ target }: Pick<Objective, 'target'>): number => Number((1 - target).toPrecision(12));

/** An objective by its id. */
export function objective(id: ObjectiveId): Objective {
  return objectives.find((one) => one.id === id) as Objective;
}

/** Thresholds of k6 for the requests of one scenario, by metric: the rate `failures` and k6's own duration (ms). */
export function loadThresholds(scenario: string): Record<string, string[]> {
  const latency = objective('api-latency');
  const within = latency.indicator.kind === 'latency' ? latency.indicator.withinSeconds * 1_000 : 0;
  return {
    [`failures{scenario:${scenario}}`]: [`rate<=${budget(objective('api-availability'))}`],
    [`http_req_duration{scenario:${scenario}}`]: [`p(${latency.target * 100})<${within}`],
  };
}
