import { keepFiringFor } from './alerts/alert.ts';
import { burnThreshold } from './alerts/burn.ts';
import { type Burn, burnsOf, seconds } from './objectives/burn-rates.ts';
import type { Objective } from './objectives/objectives.ts';

/** When burn-rate alerts fire and resolve, computed from a curve of errors: the rules' arithmetic, without Prometheus. */

/** A stretch of time with the same traffic and share of bad events. */
export interface Segment {
  readonly minutes: number;
  readonly eventsPerSecond: number;
  readonly errorRatio: number;
}

/** What an alert does, in minutes from the start; `resolves` is null while it still fires at the end. */
export interface Firing {
  readonly burn: Burn;
  readonly fires: number | null;
  readonly resolves: number | null;
}

/** A minute of a simulation. */
export interface Minute {
  readonly minute: number;
  readonly errorRatio: number;
  /** Share of bad events by window. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Share of the objective's budget spent since the start, at this traffic for the whole window. */
  readonly spent: number;
}

/** A whole simulation. */
export interface Simulation {
  readonly minutes: readonly Minute[];
  readonly firings: readonly Firing[];
}

/** Runs the rules of an objective over a curve, minute by minute. @throws RangeError on a curve that cannot be */
export function simulate(objective: Objective, curve: readonly Segment[]): Simulation {
  for (const { minutes, eventsPerSecond, errorRatio } of curve)
    if (!(minutes > 0 && eventsPerSecond >= 0 && errorRatio >= 0 && errorRatio <= 1))
      throw new RangeError('a segment needs minutes above 0, events of at least 0 and a ratio from 0 to 1');
  const burns = burnsOf(objective);
  const windows = [...new Set(burns.flatMap(({ long, short }) => [long, short]))];
  const events = new Sums();
  const errors = new Sums();
  const minutes: Minute[] = [];
  const active = new Map<Burn, number>();
  const quietSince = new Map<Burn, number>();
  const fires = new Map<Burn, number>();
  const resolves = new Map<Burn, number>();
  const budgetPerMinute = 1 / (objective.windowDays * 1_440 * (1 - objective.target));
  let spent = 0;
  for (const { eventsPerSecond, errorRatio } of curve.flatMap((one) =>
    Array<Segment>(one.minutes).fill(one),
  )) {
    const minute = minutes.length + 1;
    events.add(eventsPerSecond);
    errors.add(eventsPerSecond * errorRatio);
    spent += errorRatio * budgetPerMinute;
    const ratios = Object.fromEntries(
      windows.map((window) => {
        const last = seconds(window) / 60;
        const all = events.smoothed(last);
        return [window, all > 0 ? errors.smoothed(last) / all : 0];
      }),
    );
    for (const burn of burns) {
      const limit = burnThreshold(objective, burn);
      const long = seconds(burn.long) / 60;
      const burning =
        (ratios[burn.long] ?? 0) > limit &&
        (ratios[burn.short] ?? 0) > limit &&
        errors.smoothed(long) * 60 >= objective.minBadEvents;
      if (!burning) {
        const firing = fires.has(burn) && !resolves.has(burn);
        if (!firing) active.delete(burn);
        const quiet = quietSince.get(burn) ?? minute;
        quietSince.set(burn, quiet);
        if (firing && minute - quiet >= keepFiringMinutes(burn)) {
          active.delete(burn);
          resolves.set(burn, minute);
        }
      } else {
        quietSince.delete(burn);
        const since = active.get(burn) ?? minute;
        active.set(burn, since);
        if (!fires.has(burn) && minute - since >= burn.forMinutes) fires.set(burn, minute);
      }
    }
    minutes.push({ minute, errorRatio, ratios, spent });
  }
  const firings = burns.map((burn) => ({
    burn,
    fires: fires.get(burn) ?? null,
    resolves: resolves.get(burn) ?? null,
  }));
  return { minutes, firings };
}

const keepFiringMinutes = ({ severity }: Burn): number =>
  severity === 'critical' ? seconds(keepFiringFor) / 60 : 0;

/** Sums over the last minutes of a five-minute rate, as the recording rules add it up. */
class Sums {
  readonly #raw: number[] = [0];
  readonly #smooth: number[] = [0];

  add(value: number): void {
    this.#raw.push((this.#raw.at(-1) as number) + value);
    const minute = this.#raw.length - 1;
    const window = Math.min(5, minute);
    const rate = ((this.#raw[minute] as number) - (this.#raw[minute - window] as number)) / window;
    this.#smooth.push((this.#smooth.at(-1) as number) + rate);
  }

  smoothed(minutes: number): number {
    const now = this.#smooth.length - 1;
    return (this.#smooth[now] as number) - (this.#smooth[Math.max(0, now - minutes)] as number);
  }
}

/** Minutes until the first alert after errors start at a steady ratio, for `docs/slo.md`; null when none fires. */
export function detection(objective: Objective, errorRatio: number): { burn: Burn; minutes: number } | null {
  const calm = 3 * 1_440;
  const steady = { eventsPerSecond: 10 };
  const { firings } = simulate(objective, [
    { minutes: calm, errorRatio: 0, ...steady },
    { minutes: 4 * 1_440, errorRatio, ...steady },
  ]);
  const first = firings
    .filter(({ fires }) => fires !== null)
    .sort((a, b) => (a.fires as number) - (b.fires as number))[0];
  return first ? { burn: first.burn, minutes: (first.fires as number) - calm } : null;
}
