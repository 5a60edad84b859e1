import type { Duration, Instant } from '../query/expression.ts';

/** Uids of the dashboards, which alerts link to. */
export const dashboardUids = {
  application: 'simple378',
  limits: 'simple378-limits',
  redis: 'simple378-redis',
  slo: 'simple378-slo',
  security: 'simple378-security',
  runtime: 'simple378-runtime',
} as const;

/** Grafana's id of a panel: a hash of its title, so that links hold when panels are added or moved. */
export function panelId(title: string): number {
  let hash = 0x811c9dc5;
  for (const character of title) hash = Math.imul(hash ^ (character.codePointAt(0) as number), 0x01000193);
  return (hash >>> 8) + 1;
}

/** How soon somebody must look: at once, in working hours, or never (the heartbeat). */
export type Severity = 'critical' | 'warning' | 'none';

/** How long a critical alert goes on firing without data: a gap of five minutes in scrapes must not resolve a page. */
export const keepFiringFor = '10m';

/** Series by selector, in promtool's notation, at one sample a minute. */
export type Series = Readonly<Record<string, string>>;

/** An alert, with what proves that it fires and that it stays silent. */
export interface Alert {
  /** PascalCase; also the name of its runbook. */
  readonly name: string;
  readonly severity: Severity;
  /** How long the expression holds before it fires. */
  readonly for: Duration;
  /** False where the expression itself looks back over ten minutes, so that a gap in scrapes cannot resolve it. */
  readonly keepFiring?: false;
  readonly expr: Instant<string>;
  /** Why a critical alert reads single servers: only those whose loss ends the service for all users. */
  readonly perServer?: string;
  /** One line: what is wrong. May use `{{ $labels.x }}`. */
  readonly summary: string;
  /** What was measured, with `{{ $value }}`, and what users notice. */
  readonly description: string;
  /** The panel that shows it. */
  readonly panel: { readonly dashboard: keyof typeof dashboardUids; readonly title: string };
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * Series under which it fires, and near misses under which it must not, one of them just short of its limit, window or
   * waiting time; all are run by promtool.
   */
  readonly proof: {
    readonly fires: Series | readonly Series[];
    readonly silent: readonly Series[];
    readonly at: Duration;
  };
}
