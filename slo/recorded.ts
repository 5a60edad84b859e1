import type { Definition } from '../contract/metrics.ts';
import { type ObjectiveId, objectives, type Window, windows } from './index.ts';

/** Names and labels of what the rules record, so that alerts and panels cannot name another series. */

const labels = { slo: objectives.map(({ id }) => id) as readonly ObjectiveId[] } as const;
const gauge = (help: string) => ({ type: 'gauge', help, labels }) as const;

type Recorded = typeof base &
  Record<`slo:error_ratio:rate${Window | '30d'}`, (typeof base)['slo:errors:rate5m']>;

const base = {
  'slo:events:rate5m': gauge('Events per second of an objective, over five minutes.'),
  'slo:errors:rate5m': gauge('Bad events per second of an objective, over five minutes.'),
  'slo:objective:ratio': gauge('The target of an objective.'),
  'slo:error_budget_left:ratio30d': gauge('Share of the error budget that is left, below 0 when overspent.'),
} as const satisfies Record<string, Definition>;

/** All recorded series by name. */
export const recorded: Recorded = {
  ...base,
  ...(Object.fromEntries(
    [...windows, '30d' as const].map((window) => [
      `slo:error_ratio:rate${window}`,
      gauge(`Share of bad events of an objective, over ${window}.`),
    ]),
  ) as Recorded),
};
