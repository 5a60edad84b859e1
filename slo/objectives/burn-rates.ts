import type { Objective } from './objectives.ts';
import { objectives } from './objectives.ts';

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

/** Periods of error budgets in days; 30 is always recorded, the others are a setting. */
export const budgetPeriods = [7, 28, 30, 90] as const;
/** One of {@link budgetPeriods}. */
export type BudgetDays = (typeof budgetPeriods)[number];

/**
 * Multi-window, multi-burn-rate alerting: SRE workbook, chapter 5, table 5-8, with the `for` of kubernetes-mixin.
 * They fire when 2 %, 5 %, 10 % and 10 % of a 30-day budget are spent.
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

/** The burns that an objective alerts on: tickets leave out the fast ones. */
export function burnsOf({ urgency }: Pick<Objective, 'urgency'>): readonly Burn[] {
  return urgency === 'page' ? burns : burns.filter(({ severity }) => severity === 'warning');
}
