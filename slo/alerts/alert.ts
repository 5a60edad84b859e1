import type { Duration } from '../promql.ts';
import type { Instant } from '../selectors.ts';

/** Uids of the dashboards, which alerts link to. */
export const dashboardUids = {
  application: 'simple378',
  limits: 'simple378-limits',
  redis: 'simple378-redis',
  slo: 'simple378-slo',
  security: 'simple378-security',
  runtime: 'simple378-runtime',
} as const;

/** How soon somebody must look: at once, in working hours, or never (the heartbeat). */
export type Severity = 'critical' | 'warning' | 'none';

/** Series by selector, in promtool's notation, at one sample a minute. */
export type Series = Readonly<Record<string, string>>;

/** An alert, with what proves that it fires and that it stays silent. */
export interface Alert {
  /** PascalCase; also the name of its runbook. */
  readonly name: string;
  readonly severity: Severity;
  /** How long the expression holds before it fires. */
  readonly for: Duration;
  readonly expr: Instant<string>;
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
