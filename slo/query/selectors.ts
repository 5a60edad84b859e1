import type { VectorExprBuilder } from '@grafana/promql-builder';
import { vector } from '@grafana/promql-builder';
import type { Definition, Domain } from '../../contract/metrics.ts';
import { catalogue } from '../../contract/metrics.ts';
import type { Counter, Duration, Range } from './expression.ts';
import {
  alertmanagerSelf,
  collector as collectorSelf,
  prometheusSelf,
  redisExporter,
  sentinelExporter,
  targets,
  traefik,
} from './external.ts';
import { recorded } from './recorded.ts';

/** Selectors of series, typed by the catalogues: where every query starts. */

/** Matches all but these values. */
export interface Not<V> {
  readonly not: readonly V[];
}
/** Matches any of these values. */
export interface OneOf<V> {
  readonly oneOf: readonly V[];
}
/** Matches a regular expression. */
export interface Matching {
  readonly matching: string;
}
/** Matches a dashboard variable, which may hold several values. */
export interface Variable {
  readonly variable: string;
}
type Matcher<V> = V | Not<V> | OneOf<V> | Matching;
type ValueOf<D> = D extends readonly (infer V)[] ? V : string;
/** Labels that Prometheus gives to all series of a target. */
type TargetLabel = 'environment' | 'instance';
type Matchers<Labels> = { readonly [L in keyof Labels]?: Matcher<ValueOf<Labels[L]>> } & {
  readonly [L in TargetLabel]?: Matcher<string> | Variable;
};
type LabelNames<Labels> = Extract<keyof Labels, string> | TargetLabel;
type Definitions = Readonly<Record<string, Definition>>;
type NamesOf<C extends Definitions, Type extends Definition['type']> = {
  [N in keyof C]: C[N]['type'] extends Type ? N : never;
}[keyof C] &
  string;

/**
 * Makes selectors of one catalogue's metrics. `always` is matched by all: the job, which tells programs apart whose
 * metrics share a name, and in dashboards the chosen environment and instance.
 */
export function selectors<const C extends Definitions>(
  definitions: C,
  always: { readonly job?: string } & Matchers<object> = {},
) {
  const series = (name: string, labels: Readonly<Record<string, unknown>>, unit: string) => {
    const build = () => matched(vector(name), { ...always, ...labels });
    return { build, series: build, unit, range: (window: Duration) => build().range(window) };
  };
  const base = (name: string): string => name.replace(/_(bucket|count|sum)$/, '');
  return {
    definitions,
    /** A gauge. */
    gauge: <N extends NamesOf<C, 'gauge'>>(
      name: N,
      labels: Matchers<C[N]['labels']> = {},
    ): Range<LabelNames<C[N]['labels']>> => ({ kind: 'gauge', ...series(name, labels, unitOf(name)) }),
    /** A counter. */
    counter: <N extends NamesOf<C, 'counter'>>(
      name: N,
      labels: Matchers<C[N]['labels']> = {},
    ): Counter<LabelNames<C[N]['labels']>> => ({ kind: 'counter', ...series(name, labels, unitOf(name)) }),
    /** A histogram's buckets. */
    buckets: <N extends NamesOf<C, 'histogram'>>(
      name: N,
      labels: Matchers<C[N]['labels']> = {},
    ): Counter<LabelNames<C[N]['labels']> | 'le'> => ({
      kind: 'counter',
      ...series(`${name}_bucket`, labels, 'short'),
    }),
    /** The bucket that ends at `bound`. @throws RangeError when no bucket does */
    within: <N extends NamesOf<C, 'histogram'>>(
      name: N,
      bound: number,
      labels: Matchers<C[N]['labels']> = {},
    ): Counter<LabelNames<C[N]['labels']>> => {
      const { buckets = [] } = definitions[base(name)] ?? {};
      if (!buckets.includes(bound)) throw new RangeError(`${name} has no bucket that ends at ${bound}`);
      // Prometheus 3 and OpenMetrics write whole bounds as 300.0, the older text format as 300.
      const le = Number.isInteger(bound) ? { oneOf: [`${bound}`, `${bound}.0`] } : `${bound}`;
      return { kind: 'counter', ...series(`${name}_bucket`, { ...labels, le }, 'short') };
    },
    /** A histogram's number of observations. */
    observations: <N extends NamesOf<C, 'histogram'>>(
      name: N,
      labels: Matchers<C[N]['labels']> = {},
    ): Counter<LabelNames<C[N]['labels']>> => ({
      kind: 'counter',
      ...series(`${name}_count`, labels, 'short'),
    }),
  };
}

/** Metrics of the case service. */
export const app = selectors(catalogue, { job: 'case-service' });
/** Metrics of Redis, by its exporter. */
export const redis = selectors(redisExporter, { job: 'redis' });
/** Metrics of Sentinel, by Redis' exporter. */
export const sentinel = selectors(sentinelExporter, { job: 'sentinel' });
/** Metrics of the edge, where this stack runs it. */
export const edge = selectors(traefik, { job: 'traefik' });
/** Metrics of the collector of traces. */
export const collector = selectors(collectorSelf, { job: 'otel-collector' });
/** Prometheus's own metrics. */
export const prometheus = selectors(prometheusSelf, { job: 'prometheus' });
/** Alertmanager's own metrics. */
export const alertmanager = selectors(alertmanagerSelf, { job: 'alertmanager' });
/** What Prometheus knows of targets of any job. */
export const target = selectors(targets);
/** Recorded series. */
export const record = selectors(recorded);

/** Grafana's unit of a metric, by its name's suffix. */
export function unitOf(name: string): string {
  if (/_timestamp_seconds$|_start_time_seconds$/.test(name)) return 'dateTimeAsIso';
  const bare = name.replace(/_total$/, '');
  if (bare.endsWith('_seconds')) return 's';
  if (bare.endsWith('_bytes')) return 'bytes';
  if (/ratio/.test(bare)) return 'percentunit';
  return 'short';
}

const quoted = (value: string): string => value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function matched(series: VectorExprBuilder, labels: Readonly<Record<string, unknown>>): VectorExprBuilder {
  for (const [label, matcher] of Object.entries(labels)) {
    if (typeof matcher === 'string') series.label(label, matcher);
    else if (isNot(matcher)) {
      const [only, ...more] = matcher.not;
      if (only !== undefined && more.length === 0) series.labelNeq(label, only);
      else series.labelNotMatchRegexp(label, matcher.not.map(quoted).join('|'));
    } else if (isMatching(matcher)) series.labelMatchRegexp(label, matcher.matching);
    else if (isOneOf(matcher)) series.labelMatchRegexp(label, matcher.oneOf.map(quoted).join('|'));
    else series.labelMatchRegexp(label, `$${(matcher as Variable).variable}`);
  }
  return series;
}
const isNot = (matcher: unknown): matcher is Not<string> => (matcher as Not<string>).not !== undefined;
const isMatching = (matcher: unknown): matcher is Matching => (matcher as Matching).matching !== undefined;
const isOneOf = (matcher: unknown): matcher is OneOf<string> =>
  (matcher as OneOf<string>).oneOf !== undefined;

/** Whether a label's domain is a closed list. */
export const isClosed = (domain: Domain): domain is readonly string[] => Array.isArray(domain);
