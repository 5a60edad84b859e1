import { existsSync, readFileSync } from 'node:fs';
import { constant } from '../slo/promql.ts';
import type { Query } from './model.ts';

/** What `npm run baseline` measured on a machine, and its context. */
export interface Baseline {
  readonly measuredAt: string;
  readonly context: Readonly<Record<string, string | number>>;
  readonly figures: Readonly<Record<Figure, number>>;
}
/** A measured figure; names end in their unit. */
export type Figure =
  | 'requestsPerSecond'
  | 'errorRatio'
  | 'p50Seconds'
  | 'p99Seconds'
  | 'limiterP99Seconds'
  | 'cpuSecondsPerRequest';

/** Where the recorded baseline is kept. */
export const baselineFile = new URL('../docs/baseline.json', import.meta.url);

/** The recorded baseline, or null before the first one. */
export const readBaseline = (file: URL = baselineFile): Baseline | null =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Baseline) : null;

/** A figure of the baseline as a line on a panel; nothing before the first baseline. */
export function baselineQuery(figure: Figure, file?: URL): Query[] {
  const baseline = readBaseline(file);
  return baseline ? [{ expr: { ...constant(baseline.figures[figure]), unit: 's' }, legend: 'baseline' }] : [];
}
