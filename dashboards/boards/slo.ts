import { burnPanel, burnThreshold, percent } from '../../slo/alerts/burn.ts';
import { burnsOf } from '../../slo/objectives/burn-rates.ts';
import { type Objective, type ObjectiveId, objectives } from '../../slo/objectives/objectives.ts';
import type { Board, Row } from '../model/board.ts';
import { record, target } from '../model/scope.ts';

/** One row per objective: how much budget is left, how it is doing, and how fast the budget burns. */
function row(objective: Objective): Row {
  const slo = objective.id as ObjectiveId;
  const ratioOver = (window: '5m' | '1h' | '6h' | '3d') => ({
    expr: record.gauge(`slo:error_ratio:rate${window}`, { slo }),
    legend: window,
  });
  return {
    title: `${objective.title}: ${percent(objective.target)} in ${objective.windowDays} days`,
    panels: [
      {
        kind: 'stat',
        title: `${objective.title}: budget left`,
        description: `Share of the error budget of ${objective.windowDays} days that is left. ${objective.promise}`,
        action:
          'Below a quarter: no risky changes. Below 0: the objective is missed; reliability work comes first.',
        span: 6,
        thresholds: [
          { from: 0, state: 'warning' },
          { from: 0.25, state: 'ok' },
        ],
        awaits: 'an event of this objective has been counted',
        queries: [{ expr: record.gauge('slo:error_budget_left:ratio30d', { slo }), legend: 'left' }],
      },
      {
        kind: 'timeseries',
        title: `${objective.title}: events`,
        description: 'Events per second, and the bad ones.',
        action: 'No events at all is not success: look whether clients reach the service.',
        span: 6,
        min: 0,
        unit: 'ops',
        awaits: 'an event of this objective has been counted',
        queries: [
          { expr: record.gauge('slo:events:rate5m', { slo }), legend: 'events' },
          { expr: record.gauge('slo:errors:rate5m', { slo }), legend: 'bad' },
        ],
      },
      {
        kind: 'timeseries',
        title: burnPanel(objective),
        description: `Share of bad events over several windows. An alert fires where a long and a short window are both above their line: ${burnsOf(
          objective,
        )
          .map((burn) => `${burn.long} and ${burn.short} above ${percent(burnThreshold(objective, burn))}`)
          .join('; ')}.`,
        action: `Follow the runbook of the alert; the objective itself is ${percent(objective.target)}.`,
        span: 12,
        min: 0,
        thresholds: burnsOf(objective)
          .map((burn) => ({ from: burnThreshold(objective, burn), state: burn.severity }))
          .sort((a, b) => a.from - b.from),
        awaits: 'an event of this objective has been counted',
        queries: (['5m', '1h', '6h', '3d'] as const).map(ratioOver),
      },
    ],
  };
}

/** The objectives: are we keeping our promises, and for how much longer? */
export const sloBoard: Board = {
  uid: 'simple378-slo',
  title: 'Simple378 SLOs and error budgets',
  purpose: 'Whether the promises to users are kept, and how fast their error budgets burn.',
  from: 'now-30d',
  rows: [
    {
      title: 'Alerts',
      panels: [
        {
          kind: 'table',
          title: 'Firing alerts',
          description: 'Alerts that fire now; Watchdog is left out.',
          action: 'Start with the critical ones; each has a runbook of its name.',
          span: 24,
          unit: 'short',
          awaits: 'an alert fires',
          queries: [
            {
              expr: target.gauge('ALERTS', { alertstate: 'firing', severity: { not: ['none'] } }),
              legend: '{{alertname}}',
            },
          ],
        },
      ],
    },
    ...objectives.map(row),
  ],
};
