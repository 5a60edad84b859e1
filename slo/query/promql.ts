import type { AggregationExprBuilder, BinaryExprBuilder } from '@grafana/promql-builder';
import {
  absent as absentOf,
  add as addOf,
  and as andOf,
  avg as avgOf,
  avgOverTime,
  changes as changesOf,
  count as countOf,
  div as divOf,
  eq as eqOf,
  gte as gteOf,
  gt as gtOf,
  histogramQuantile,
  increase as increaseOf,
  lt as ltOf,
  max as maxOf,
  maxOverTime,
  min as minOf,
  minOverTime,
  mul as mulOf,
  n,
  or as orOf,
  rate as rateOf,
  sub as subOf,
  sum as sumOf,
  sumOverTime,
  time as timeOf,
  timestamp as timestampOf,
  topk as topkOf,
  unless as unlessOf,
  vect,
} from '@grafana/promql-builder';
import type { Counter, Duration, Instant, Node, Range } from './expression.ts';

/**
 * PromQL from the metric catalogue: a wrong metric, label or label value does not compile, and `rate` takes counters only.
 * A façade over @grafana/promql-builder 0.0.6, whose nodes change in place, drop `by ()`, print float noise and misprint
 * strings: expressions here are recipes that make fresh nodes each time, and leave the misprinted parts out.
 */

type Numeric<L extends string> = Instant<L> | number;

/** The text of an expression. */
export const print = (expression: Instant<string>): string => expression.build().toString();

/** A number as PromQL, without float noise. @throws RangeError on what PromQL cannot print here */
function clean(value: number): number {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is no number that a query may hold`);
  return Number(value.toPrecision(12));
}
const node = (value: Numeric<string>): Node => (typeof value === 'number' ? n(clean(value)) : value.build());
const make = <L extends string>(build: () => Node, unit: string): Instant<L> => ({ build, unit });

/** Per-second increase of a counter. */
export const rate = <L extends string>(counter: Counter<L>, window: Duration): Instant<L> =>
  make(() => rateOf(counter.range(window)), perSecond[counter.unit] ?? 'ops');
/** Increase of a counter over a window, extrapolated as Prometheus does. */
export const increase = <L extends string>(counter: Counter<L>, window: Duration): Instant<L> =>
  make(() => increaseOf(counter.range(window)), counter.unit);
const perSecond: Readonly<Record<string, string>> = { bytes: 'Bps', s: 'percentunit' };

type Over = 'avg' | 'max' | 'min' | 'sum';
const overTime = { avg: avgOverTime, max: maxOverTime, min: minOverTime, sum: sumOverTime } as const;
/** A gauge's average, maximum, minimum or sum over a window. */
export const over = <L extends string>(how: Over, range: Range<L>, window: Duration): Instant<L> =>
  make(() => overTime[how](range.range(window)), range.unit);
/** How often a gauge changed in a window. */
export const changes = <L extends string>(range: Range<L>, window: Duration): Instant<L> =>
  make(() => changesOf(range.range(window)), 'short');

/** A gauge as it was a while before. */
export const ago = <L extends string>(range: Range<L>, before: Duration): Instant<L> =>
  make(() => range.series().offset(before), range.unit);

function aggregate(how: (vector: Node) => AggregationExprBuilder) {
  return <L extends string, const B extends L = never>(
    vector: Instant<L>,
    by: readonly B[] = [],
  ): Instant<B> =>
    make(() => (by.length > 0 ? how(vector.build()).by([...by]) : how(vector.build())), vector.unit);
}
/** Sum over all series, or by labels. */
export const sum = aggregate(sumOf);
/** Largest over all series, or by labels. */
export const max = aggregate(maxOf);
/** Smallest over all series, or by labels. */
export const min = aggregate(minOf);
/** Mean over all series, or by labels. */
export const avg = aggregate(avgOf);
/** Number of series, or by labels. */
export const count = aggregate(countOf);
/** The k largest series. */
export const topk = <L extends string>(k: number, vector: Instant<L>): Instant<L> =>
  make(() => topkOf(k, vector.build()), vector.unit);

/** φ-quantile from bucket rates that keep `le`. */
export const quantile = <L extends string>(
  phi: number,
  buckets: Instant<L | 'le'>,
): Instant<Exclude<L, 'le'>> => make(() => histogramQuantile(phi, buckets.build()), 's');

type Binary = (left: Node, right: Node) => BinaryExprBuilder;
/** `on` names the labels that both sides share; without it all must be equal. */
function binary(of: Binary, unitOf: (left: string, right: string | undefined) => string) {
  return <L extends string>(left: Instant<L>, right: Numeric<string>, on?: readonly L[]): Instant<L> =>
    make(
      () => {
        const both = of(left.build(), node(right));
        return on ? both.on([...on]) : both;
      },
      unitOf(left.unit, typeof right === 'number' ? undefined : right.unit),
    );
}
const same = (left: string): string => left;
export const add = binary(addOf, same);
export const sub = binary(subOf, same);
export const mul = binary(mulOf, same);
/** A quotient; of two like units it is a ratio. */
export const div = binary(divOf, (left, right) => (right === left ? 'percentunit' : left));
export const eq = binary(eqOf, same);
export const gt = binary(gtOf, same);
export const gte = binary(gteOf, same);
export const lt = binary(ltOf, same);
export const and = binary(andOf, same);
export const or = binary(orOf, same);
export const unless = binary(unlessOf, same);

/** One series of value 1 when the selector finds nothing. */
export const absent = <L extends string>(vector: Instant<L>): Instant<L> =>
  make(() => absentOf(vector.build()), 'short');
/** Seconds since the epoch. */
export const time = (): Instant<never> => make(timeOf, 's');
/** When each series was last sampled, Unix seconds. */
export const timestamp = <L extends string>(vector: Instant<L>): Instant<L> =>
  make(() => timestampOf(vector.build()), 's');
/** The larger of two values by series; where only one exists, that one. */
export const larger = <L extends string>(left: Instant<L>, right: Instant<L>): Instant<L> =>
  or(or(gte(left, right), right), left);
/** The smaller of two values by series; where only one exists, that one. */
export const smaller = <L extends string>(left: Instant<L>, right: Instant<L>): Instant<L> =>
  or(or(lt(left, right), right), left);
/** A series without labels. */
export const constant = (value: number): Instant<never> => make(() => vect(clean(value)), 'short');
/** The share of `part` in `whole`: 0 when nothing of `part` happened, nothing (not NaN) when nothing happened at all. */
export const ratio = <L extends string>(part: Instant<L>, whole: Instant<L>): Instant<L> =>
  div(or(part, mul(whole, 0)), gt(whole, 0));
