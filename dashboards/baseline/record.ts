import { existsSync, readFileSync } from 'node:fs';
import { constant } from '../../slo/promql.ts';
import type { Query } from '../model.ts';

/** What `npm run baseline` measures, and in which direction a change is bad. */
export const figures = {
  requestsPerSecond: { title: 'requests per second', unit: 'reqps', worse: 'lower' },
  errorRatio: { title: 'server errors', unit: 'percentunit', worse: 'higher' },
  p50Seconds: { title: 'median request', unit: 's', worse: 'higher' },
  p99Seconds: { title: 'request, 99 %', unit: 's', worse: 'higher' },
  limiterP99Seconds: { title: 'rate-limit decision, 99 %', unit: 's', worse: 'higher' },
  cpuSecondsPerRequest: { title: 'CPU per request', unit: 's', worse: 'higher' },
} as const;
/** A measured figure. */
export type Figure = keyof typeof figures;

/** A baseline and its context: figures of another machine or version mean something else. */
export interface Baseline {
  readonly measuredAt: string;
  readonly context: Readonly<Record<string, string | number>>;
  readonly figures: Readonly<Record<Figure, number>>;
}

/** Where the recorded baseline is kept. */
export const baselineFile = new URL('../../docs/baseline.json', import.meta.url);

/** The recorded baseline, or null before the first one. */
export const readBaseline = (file: URL = baselineFile): Baseline | null =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Baseline) : null;

/** A figure of the baseline as a line on a panel; nothing before the first baseline. */
export function baselineQuery(figure: Figure, file?: URL): Query[] {
  const baseline = readBaseline(file);
  return baseline
    ? [{ expr: { ...constant(baseline.figures[figure]), unit: figures[figure].unit }, legend: 'baseline' }]
    : [];
}
