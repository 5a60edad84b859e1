import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { burnAlertName, burnThreshold, percent } from './alerts/burn.ts';
import { budget, type Objective, type ObjectiveId, objective } from './objectives/objectives.ts';
import { plot } from './plot.ts';
import { type Segment, type Simulation, simulate } from './simulator.ts';

/** Options of a simulation. */
export interface SimulationOptions {
  readonly objective: ObjectiveId;
  /** Share of bad events after six healthy hours; 20 times the budget when left out. */
  readonly ratio?: number | undefined;
  readonly minutes: number;
  /** Events per second. */
  readonly rate: number;
  /** Segments instead, as {@link parseCurve} reads them. */
  readonly curve?: string | undefined;
  /** File of the SVG. */
  readonly plot?: string | undefined;
}

/** Simulates when each burn-rate alert of an objective fires and resolves; returns a report and writes a plot. */
export function simulateBurnRate(options: SimulationOptions): string {
  const chosen = objective(options.objective);
  const { rate: eventsPerSecond, ratio = Math.min(1, 20 * budget(chosen)) } = options;
  const curve = options.curve
    ? parseCurve(options.curve, eventsPerSecond)
    : [
        { minutes: 360, errorRatio: 0, eventsPerSecond },
        { minutes: options.minutes, errorRatio: ratio, eventsPerSecond },
        { minutes: 120, errorRatio: 0, eventsPerSecond },
      ];
  const simulation = simulate(chosen, curve);
  const path = resolve(options.plot ?? `.local/slo-${chosen.id}.svg`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, plot(chosen, simulation));
  return [...table(chosen, curve, simulation), '', `plot: ${path}`].join('\n');
}

/** The result as lines of text. */
function table(chosen: Objective, curve: readonly Segment[], { firings, minutes }: Simulation): string[] {
  const started = curve[0]?.errorRatio === 0 ? (curve[0]?.minutes ?? 0) : 0;
  const at = (minute: number | null) => (minute === null ? '–' : `${minute} min`);
  const after = (minute: number | null) => (minute === null ? '–' : `${minute - started} min`);
  return [
    `${chosen.title}: ${percent(chosen.target)} in ${chosen.windowDays} days, ${burnAlertName(chosen.id)}`,
    `Curve: ${curve.map((one) => `${one.minutes} min at ${percent(one.errorRatio)}`).join(', ')}`,
    `Budget spent: ${percent(minutes.at(-1)?.spent ?? 0)}`,
    '',
    row('burn', 'windows', 'above', 'severity', 'fires at', 'after', 'resolves at'),
    ...firings.map(({ burn, fires, resolves }) =>
      row(
        `${burn.factor} ×`,
        `${burn.long}/${burn.short}`,
        percent(burnThreshold(chosen, burn)),
        burn.severity,
        at(fires),
        after(fires),
        at(resolves),
      ),
    ),
  ];
}

const row = (...cells: readonly string[]): string =>
  cells
    .map((cell) => cell.padEnd(12))
    .join('')
    .trimEnd();

/** Segments as `minutes:ratio[:rate]`. @throws Error that names the segment */
export function parseCurve(text: string, eventsPerSecond: number): Segment[] {
  return text.split(',').map((part) => {
    const numbers = part.split(':').map(Number);
    const [minutes, errorRatio, rate = eventsPerSecond] = numbers;
    if (numbers.length < 2 || numbers.length > 3 || numbers.some(Number.isNaN) || !Number.isInteger(minutes))
      throw new Error(`--curve: ${JSON.stringify(part)} must be minutes:ratio or minutes:ratio:rate`);
    return { minutes: minutes as number, errorRatio: errorRatio as number, eventsPerSecond: rate };
  });
}
