import type { sum, VectorExprBuilder } from '@grafana/promql-builder';

/** Types of PromQL expressions: selectors make them and functions combine them. */

/** A node of the query builder. */
export type Node = Parameters<typeof sum>[0];

/** A duration, or one of Grafana's own. */
export type Duration = `${number}${'s' | 'm' | 'h' | 'd'}` | '$__rate_interval' | '$__range';

/** An expression that gives one value per series, with these labels. `unit` is Grafana's. */
export interface Instant<out L extends string> {
  readonly build: () => Node;
  readonly unit: string;
  /** Only for the type checker. */
  readonly labels?: L;
}
/** A gauge's series, over which a range may be taken. */
export interface Range<out L extends string> extends Instant<L> {
  readonly kind: 'gauge';
  readonly series: () => VectorExprBuilder;
  readonly range: (window: Duration) => VectorExprBuilder;
}
/** A counter's series; only `rate` and `increase` read it. */
export interface Counter<out L extends string> {
  readonly kind: 'counter';
  readonly unit: string;
  readonly range: (window: Duration) => VectorExprBuilder;
  readonly labels?: L;
}
