import type { Instant } from '../../slo/query/expression.ts';

/** A dashboard as this project writes it: data, from which Grafana's JSON, the documents and the lint follow. */
export interface Board {
  /** Stable: links and alerts use it; also the file's name. */
  readonly uid: string;
  readonly title: string;
  /** What it answers. */
  readonly purpose: string;
  /** The job whose instances can be chosen; none for what only the fleet has. */
  readonly instancesOf?: 'case-service' | 'redis';
  /** Where its time range begins; an hour ago when left out. */
  readonly from?: 'now-30d';
  readonly rows: readonly Row[];
}

/** A row of panels under a heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Units of Grafana that panels use; another one does not compile, and the lint refuses it in JSON. */
export const units = {
  short: 'a count',
  ops: 'per second',
  reqps: 'requests per second',
  s: 'seconds',
  bytes: 'bytes',
  Bps: 'bytes per second',
  percentunit: 'a share',
  dateTimeAsIso: 'a date',
  bool_on_off: 'on or off',
} as const;
/** One of {@link units}. */
export type Unit = keyof typeof units;

/** A query of a panel. */
export interface Query {
  readonly expr: Instant<string>;
  /** Name of each series: text with `{{label}}`. */
  readonly legend: string;
  /** Show traces of single requests as dots. */
  readonly exemplars?: boolean;
}

/** From this value on, a colour that means something: `ok` below the first. */
export interface Threshold {
  readonly from: number;
  readonly state: 'ok' | 'warning' | 'critical';
}

/** One panel. */
export interface Panel {
  readonly kind: 'timeseries' | 'stat' | 'heatmap' | 'table';
  /** Unique in the dashboard: its id is a hash of it, which alerts link to. */
  readonly title: string;
  /** What it shows. */
  readonly description: string;
  /** What to do when it looks wrong. */
  readonly action: string;
  readonly queries: readonly Query[];
  /** The unit when it is not that of the first query. */
  readonly unit?: Unit;
  /** Columns of 24; 12 when left out. Phones show one panel a row. */
  readonly span?: 4 | 6 | 8 | 12 | 16 | 24;
  readonly stacked?: boolean;
  readonly thresholds?: readonly Threshold[];
  readonly min?: number;
  readonly max?: number;
  /** The event before which it has no data. */
  readonly awaits?: string;
}
