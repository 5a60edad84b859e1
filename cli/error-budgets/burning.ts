import { type Burn, burnsOf, seconds } from '../../slo/objectives/burn-rates.ts';
import { budget, type Objective, objectives } from '../../slo/objectives/objectives.ts';

/** One recorded sample: an objective, a window, a value. */
export interface Sample {
  readonly slo: string;
  readonly window: string;
  readonly value: number;
}

/** What the rules recorded at one moment. */
export interface Moment {
  /** Share of bad events. */
  readonly shares: readonly Sample[];
  /** Number of events. */
  readonly events: readonly Sample[];
}

/** An objective whose budget burns, and how fast. */
export interface Burning {
  readonly slo: string;
  readonly burn: Burn;
  /** Times as fast as allowed, over the long and the short window. */
  readonly long: number;
  readonly short: number;
}

const longWindows = [...new Set(objectives.flatMap((one) => burnsOf(one).map(({ long }) => long)))];
const shortWindows = [...new Set(objectives.flatMap((one) => burnsOf(one).map(({ short }) => short)))];

/** The PromQL that reads every recorded share of bad events of an environment. */
export function sharesQuery(environment: string): string {
  const windows = [...new Set([...longWindows, ...shortWindows])].join('|');
  return `{__name__=~"slo:error_ratio:rate(${windows})",environment="${environment}"}`;
}

/** The PromQL that counts the events of each long window, labelled with the window. */
export function eventsQuery(environment: string): string {
  const count = (window: (typeof longWindows)[number]) =>
    `label_replace(avg_over_time(slo:events:rate5m{environment="${environment}"}[${window}]) * ${seconds(window)}, ` +
    `"window", "${window}", "", "")`;
  return longWindows.map(count).join(' or ');
}

/** The window of a series: its label, else the end of its name. */
export function windowOf(metric: Readonly<Record<string, string>>): string {
  return metric.window ?? (metric.__name__ ?? '').replace('slo:error_ratio:rate', '');
}

/** The budgets that burn as the alerts define it: both windows of a pair over its factor, and enough events to tell. */
export function burning({ shares, events }: Moment): Burning[] {
  const rate = (objective: Objective, window: string) =>
    sampleOf(shares, objective.id, window) / budget(objective);
  return objectives.flatMap((objective) =>
    burnsOf(objective)
      .map((burn) => ({
        slo: objective.id,
        burn,
        long: rate(objective, burn.long),
        short: rate(objective, burn.short),
      }))
      .filter(({ burn, long, short }) => long > burn.factor && short > burn.factor)
      .filter(
        ({ burn, long }) =>
          sampleOf(events, objective.id, burn.long) * long * budget(objective) >= objective.minBadEvents,
      ),
  );
}

/** A release whose share of bad events is this or more must be noticed, or the time cannot be judged. */
const noticedShare = 0.05;

/**
 * Returns null when an objective had enough events in one of its windows to notice {@link noticedShare} of bad ones, else the
 * largest number of events of each objective, for people.
 */
export function tooFew({ events }: Moment): string | null {
  const counts = objectives.map(({ id, minBadEvents, urgency }) => ({
    id,
    needed: minBadEvents / noticedShare,
    observed: Math.max(...burnsOf({ urgency }).map(({ long }) => sampleOf(events, id, long))),
  }));
  if (counts.some(({ observed, needed }) => observed >= needed)) return null;
  return counts.map(({ id, observed, needed }) => `${id} ${Math.floor(observed)} of ${needed}`).join(', ');
}

/** One line for people. */
export function line({ slo, burn, long, short }: Burning): string {
  return (
    `${slo} burns its error budget ${long.toFixed(1)} times as fast as allowed over ${burn.long} ` +
    `(${short.toFixed(1)} over ${burn.short}); the bound is ${burn.factor}`
  );
}

/** No events, no share: 0. */
function sampleOf(samples: readonly Sample[], slo: string, window: string): number {
  const value = samples.find((sample) => sample.slo === slo && sample.window === window)?.value ?? 0;
  return Number.isNaN(value) ? 0 : value;
}
