import type { Catalogue, LabelsOf, MetricName } from '../contract/metrics.ts';

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
};
/** Events slower than a bucket bound of one histogram. */
type Latency<N extends MetricName> = {
  readonly kind: 'latency';
  readonly metric: N;
  readonly of: Selection<N>;
  readonly withinSeconds: number;
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
  /** Fewest events in an alert's long window; below it one failure would be a page. */
  readonly leastEvents: number;
  /** Whether fast burns wake somebody up (critical), or all burns are for working hours (warning). */
  readonly urgency: 'page' | 'ticket';
}

const probes = ['/', '/health'] as const;
const loginRoute = '/api/v1/auth/login';

/** All objectives; `checks.ts` refuses wrong ones when rules are written. */
export const objectives = [
  {
    id: 'api-availability',
    title: 'API availability',
    promise: 'Requests are answered without a server error.',
    indicator: {
      kind: 'ratio',
      metric: 'http_requests_total',
      of: { route: { not: probes } },
      bad: [{ status: '5xx' }],
    },
    target: 0.999,
    windowDays: 30,
    leastEvents: 200,
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
    leastEvents: 200,
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
    },
    target: 0.99,
    windowDays: 30,
    leastEvents: 100,
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
    leastEvents: 200,
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
    leastEvents: 200,
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
    leastEvents: 100,
    urgency: 'ticket',
  },
] as const satisfies readonly Objective[];

/** The id of an objective. */
export type ObjectiveId = (typeof objectives)[number]['id'];

/** One pair of windows: burning `factor` times as fast as allowed, over both, for `forMinutes`. */
export interface Burn {
  readonly factor: number;
  readonly long: Window;
  readonly short: Window;
  readonly forMinutes: number;
  readonly severity: 'critical' | 'warning';
}

/** Windows over which errors are recorded. */
export const windows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;
/** One of {@link windows}. */
export type Window = (typeof windows)[number];

/**
 * Multi-window, multi-burn-rate alerting: SRE workbook, chapter 5, table 5-8, with the `for` of kubernetes-mixin.
 * They spend 2 %, 5 %, 10 % and 10 % of a 30-day budget before they fire.
 */
export const burns: readonly Burn[] = [
  { factor: 14.4, long: '1h', short: '5m', forMinutes: 2, severity: 'critical' },
  { factor: 6, long: '6h', short: '30m', forMinutes: 15, severity: 'critical' },
  { factor: 3, long: '1d', short: '2h', forMinutes: 60, severity: 'warning' },
  { factor: 1, long: '3d', short: '6h', forMinutes: 180, severity: 'warning' },
];

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds of a PromQL duration of one unit, such as `5m`. @throws on anything else */
export function seconds(duration: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  if (count === undefined || unit === undefined)
    throw new Error(`${duration}: write a number and s, m, h or d`);
  return Number(count) * (unitSeconds[unit] as number);
}

/** The longest window that anything looks back over, in seconds: what Prometheus must retain. */
export const longestWindowSeconds = Math.max(
  ...objectives.map(({ windowDays }) => windowDays * 86_400),
  ...windows.map(seconds),
);
/** The shortest window, in seconds: at least four scrapes must fit. */
export const shortestWindowSeconds = Math.min(...windows.map(seconds));

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

/** Grafana's id of a panel: a hash of its title, so that links hold when panels are added or moved. */
export function panelId(title: string): number {
  let hash = 0x811c9dc5;
  for (const character of title) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
  return (hash >>> 8) + 1;
}

/** The burns that an objective alerts on: tickets leave out the fast ones. */
export function burnsOf({ urgency }: Pick<Objective, 'urgency'>): readonly Burn[] {
  return urgency === 'page' ? burns : burns.filter(({ severity }) => severity === 'warning');
}
