import { type BudgetDays, type Burn, burnsOf } from '../objectives/burn-rates.ts';
import { budget, type Objective, type ObjectiveId } from '../objectives/objectives.ts';
import { badEvents } from '../query/bad-events.ts';
import { and, gt, gte, lt } from '../query/promql.ts';
import { record } from '../query/selectors.ts';
import type { Alert } from './alert.ts';

/** An alert of a burn rate; the rule tests of these are generated from the objective. */
export type BurnAlert = Omit<Alert, 'proof'> & { readonly burn: Burn };

/** The name of an objective's alerts: `api-latency` gives `ApiLatencyBudgetBurn`. */
export const burnAlertName = (id: string): string =>
  `${id.replace(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())}BudgetBurn`;

/** The title of the panel that shows an objective's burn. */
export const burnPanel = ({ title }: Pick<Objective, 'title'>): string => `${title}: burn rate`;

/** The error ratio above which a burn is too fast. */
export const burnThreshold = (objective: Objective, { factor }: Burn): number =>
  Number((factor * budget(objective)).toPrecision(12));

/** An objective's alerts, fastest first: too fast over the long window, still so over the short one, and enough events. */
export function burnAlerts(objective: Objective): BurnAlert[] {
  const slo = objective.id as ObjectiveId;
  return burnsOf(objective).map((burn) => {
    const limit = burnThreshold(objective, burn);
    const above = (window: Burn['long']) => gt(record.gauge(`slo:error_ratio:rate${window}`, { slo }), limit);
    return {
      name: burnAlertName(slo),
      severity: burn.severity,
      for: `${burn.forMinutes}m`,
      expr: and(
        and(above(burn.long), above(burn.short)),
        gte(badEvents(slo, burn.long), objective.minBadEvents),
      ),
      summary: `${objective.title}: the error budget of ${objective.windowDays} days burns ${burn.factor} times too fast`,
      description:
        `{{ $value | humanizePercentage }} of events were bad over ${burn.long}; the objective allows ` +
        `${percent(budget(objective))} (target ${percent(objective.target)}). Promise: ${objective.promise}`,
      panel: { dashboard: 'slo', title: burnPanel(objective) },
      labels: { slo, long_window: burn.long, short_window: burn.short },
      burn,
    };
  });
}

/** An objective's alerts on a spent budget, one per period. */
export function budgetAlerts(objective: Objective, periods: readonly BudgetDays[]): Omit<Alert, 'proof'>[] {
  const slo = objective.id as ObjectiveId;
  return periods.map((days) => ({
    name: 'ErrorBudgetSpent',
    severity: 'warning',
    for: '15m',
    expr: and(
      lt(record.gauge(`slo:error_budget_left:ratio${days}d`, { slo }), 0),
      gte(badEvents(slo, `${days}d`), objective.minBadEvents),
    ),
    summary: `${objective.title}: the error budget of ${days} days is spent`,
    description: `{{ $value | humanizePercentage }} of the budget is left. Put reliability before new features. Promise: ${objective.promise}`,
    panel: { dashboard: 'slo', title: `${objective.title}: budget left` },
    labels: { slo, period: `${days}d` },
  }));
}

/** A share as a percentage without noise. */
export const percent = (share: number): string => `${Number((share * 100).toPrecision(6))} %`;
