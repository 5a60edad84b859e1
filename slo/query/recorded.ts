import type { Definition } from '../../contract/metrics.ts';
import { type BudgetDays, budgetPeriods, type Window, windows } from '../objectives/burn-rates.ts';
import { type ObjectiveId, objectives } from '../objectives/objectives.ts';

/** Names and labels of recorded series, so that alerts and panels cannot name another series. */

/** A window that an error ratio is recorded over. */
export type AnyWindow = Window | `${BudgetDays}d`;

const labels = { slo: objectives.map(({ id }) => id) as readonly ObjectiveId[] } as const;
const gauge = (help: string) => ({ type: 'gauge', help, labels }) as const;
type OfObjective = ReturnType<typeof gauge>;

const base = {
  'slo:events:rate5m': gauge('Events per second of an objective, over five minutes.'),
  'slo:errors:rate5m': gauge('Bad events per second of an objective, over five minutes.'),
  'slo:events:timestamp_seconds': gauge('When the events of an objective were recorded, Unix seconds.'),
  'slo:objective:ratio': gauge('The target of an objective.'),
  'metric:series:count': {
    type: 'gauge',
    help: 'Series of a metric that alerts read.',
    labels: {
      metric: { atMost: 16, because: 'metrics that alerts read' },
      job: ['case-service', 'redis', 'sentinel', 'traefik'],
    },
  },
} as const satisfies Record<string, Definition>;

/** All recorded series by name. */
export const recorded = {
  ...base,
  ...byName([...windows, ...budgetPeriods.map((days) => `${days}d` as const)], (window) => [
    `slo:error_ratio:rate${window}`,
    gauge(`Share of bad events of an objective, over ${window}.`),
  ]),
  ...byName(budgetPeriods, (days) => [
    `slo:error_budget_left:ratio${days}d`,
    gauge(`Share of the error budget of ${days} days that is left, below 0 when overspent.`),
  ]),
};

function byName<const V, const N extends string>(
  values: readonly V[],
  entry: (value: V) => readonly [N, OfObjective],
): Record<N, OfObjective> {
  return Object.fromEntries(values.map(entry)) as Record<N, OfObjective>;
}
