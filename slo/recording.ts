import { rates } from './indicator.ts';
import { type BudgetDays, seconds, windows } from './objectives/burn-rates.ts';
import { budget, type Objective, type ObjectiveId } from './objectives/objectives.ts';
import { observedSeconds } from './query/bad-events.ts';
import { add, constant, div, mul, over, print, timestamp } from './query/promql.ts';
import type { AnyWindow } from './query/recorded.ts';
import { record } from './query/selectors.ts';

/** A recording rule of Prometheus. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}
/** A group of rules: one evaluation after another, every `interval`. */
export interface Group<Rule> {
  readonly name: string;
  readonly interval?: string;
  readonly rules: readonly Rule[];
}

/** How often rates are recorded; long windows add these samples up. */
const recordedEvery = '30s';
/** How often windows of hours and days are recorded: they move slowly and read many samples. */
const slowEvery = '2m';

/** What recordings depend on besides the objective. */
export interface RecordingOptions {
  /** Whether this stack runs the edge. */
  readonly hasEdge?: boolean;
  /** Periods of error budgets in days, beside the 30 of the objectives. */
  readonly budgetDays?: readonly BudgetDays[];
}

/**
 * Recordings of an objective: rates over five minutes from the metrics, every longer window from those, so that 30 days
 * cost two series and not all buckets of all routes.
 */
export function recordings(
  objective: Objective,
  environment: string,
  { hasEdge = true, budgetDays = [] }: RecordingOptions = {},
): Group<RecordingRule>[] {
  const slo = objective.id as ObjectiveId;
  const labels = { slo };
  const { events, errors } = rates(objective, '5m', hasEdge);
  const total = (of: 'events' | 'errors', window: AnyWindow) =>
    over('sum', record.gauge(`slo:${of}:rate5m`, { slo }), window);
  const share = (window: AnyWindow): RecordingRule => ({
    record: `slo:error_ratio:rate${window}`,
    expr: print(
      window === '5m'
        ? div(record.gauge('slo:errors:rate5m', { slo }), record.gauge('slo:events:rate5m', { slo }))
        : div(total('errors', window), total('events', window)),
    ),
    labels,
  });
  const periods = [...new Set([30 as const, ...budgetDays])].sort((a, b) => a - b);
  const fast = windows.filter((window) => seconds(window) <= 3_600);
  const slow = windows.filter((window) => seconds(window) > 3_600);
  return [
    {
      name: `${slo}-rates`,
      interval: recordedEvery,
      rules: [
        { record: 'slo:events:rate5m', expr: print(events), labels },
        { record: 'slo:errors:rate5m', expr: print(errors), labels },
        {
          record: 'slo:events:timestamp_seconds',
          expr: print(timestamp(record.gauge('slo:events:rate5m', { slo }))),
          labels,
        },
        ...fast.map(share),
      ],
    },
    {
      name: `${slo}-windows`,
      interval: slowEvery,
      rules: [
        ...[...slow, ...periods.map((days) => `${days}d` as const)].map(share),
        {
          record: 'slo:objective:ratio',
          expr: print(constant(objective.target)),
          labels: { ...labels, environment },
        },
        ...periods.map((days) => ({
          record: `slo:error_budget_left:ratio${days}d`,
          expr: print(budgetLeft(objective, days)),
          labels,
        })),
      ],
    },
  ];
}

/** Share of the budget of a period that is left; time before the environment's first event counts as good. */
function budgetLeft(objective: Objective, days: BudgetDays) {
  const slo = objective.id as ObjectiveId;
  const allowed = Number((budget(objective) * days * 86_400).toPrecision(12));
  const spent = div(
    mul(record.gauge(`slo:error_ratio:rate${days}d`, { slo }), observedSeconds(slo, `${days}d`)),
    allowed,
  );
  return add(mul(spent, -1), 1);
}
