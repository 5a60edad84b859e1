import { budget, type Objective, type ObjectiveId, seconds, windows } from './index.ts';
import { rates } from './indicator.ts';
import { add, constant, div, mul, over, print } from './promql.ts';
import { record } from './selectors.ts';

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

/**
 * What is recorded of an objective: rates over five minutes from the service's metrics, every longer window from those,
 * so that 30 days cost two series and not all buckets of all routes.
 */
export function recordings(objective: Objective, environment: string): Group<RecordingRule>[] {
  const slo = objective.id as ObjectiveId;
  const labels = { slo };
  const { events, errors } = rates(objective, '5m');
  const total = (of: 'events' | 'errors', window: (typeof windows)[number] | '30d') =>
    over('sum', record.gauge(`slo:${of}:rate5m`, { slo }), window);
  const share = (window: (typeof windows)[number] | '30d'): RecordingRule => ({
    record: `slo:error_ratio:rate${window}`,
    expr: print(
      window === '5m'
        ? div(record.gauge('slo:errors:rate5m', { slo }), record.gauge('slo:events:rate5m', { slo }))
        : div(total('errors', window), total('events', window)),
    ),
    labels,
  });
  const spent = div(record.gauge('slo:error_ratio:rate30d', { slo }), budget(objective));
  const left = add(mul(spent, -1), 1);
  const fast = windows.filter((window) => seconds(window) <= 3_600);
  const slow = windows.filter((window) => seconds(window) > 3_600);
  return [
    {
      name: `${slo}-rates`,
      interval: recordedEvery,
      rules: [
        { record: 'slo:events:rate5m', expr: print(events), labels },
        { record: 'slo:errors:rate5m', expr: print(errors), labels },
        ...fast.map(share),
      ],
    },
    {
      name: `${slo}-windows`,
      interval: slowEvery,
      rules: [
        ...[...slow, '30d' as const].map(share),
        {
          record: 'slo:objective:ratio',
          expr: print(constant(objective.target)),
          labels: { ...labels, environment },
        },
        { record: 'slo:error_budget_left:ratio30d', expr: print(left), labels },
      ],
    },
  ];
}
