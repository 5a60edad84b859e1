import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { burnAlertName, burnThreshold, percent } from './alerts/burn.ts';
import { type Caller, CouldNotCheck, command, shell } from './command.ts';
import { budget, type Objective, type ObjectiveId, objective, objectives } from './index.ts';
import { plot } from './plot.ts';
import { type Segment, type Simulation, simulate } from './simulator.ts';

const ids = objectives.map(({ id }) => id).join(', ');
const help = `npx simple378 bench burn-rate [options]

When each burn-rate alert of an objective fires and resolves, for a curve of errors.

  --objective ID   one of ${ids}; default api-availability
  --ratio R        a steady share of bad events, 0 to 1, after six healthy hours; default 20 times the budget
  --minutes N      for how long; then two healthy hours follow; default 120
  --rate N         events per second; default 10
  --curve LIST     instead: segments minutes:ratio or minutes:ratio:rate, such as 360:0,30:0.05,120:0
  --plot FILE      where to write the SVG; default .local/slo-<objective>.svg
  --help           this text

Exit: 0 done, 2 wrong usage.
`;

/** The command. */
export const main = (caller: Caller): Promise<number> =>
  command(
    caller,
    {
      name: 'slo:simulate',
      help,
      options: {
        objective: { type: 'string', default: 'api-availability' },
        ratio: { type: 'string' },
        minutes: { type: 'string', default: '120' },
        rate: { type: 'string', default: '10' },
        curve: { type: 'string' },
        plot: { type: 'string' },
      },
    },
    ({ objective: id, ratio, minutes, rate, curve: given, plot: file }) => {
      if (!objectives.some((one) => one.id === id))
        throw new CouldNotCheck(`--objective is ${JSON.stringify(id)}, must be one of ${ids}`);
      const chosen = objective(id as ObjectiveId);
      const eventsPerSecond = numeric('--rate', rate);
      const curve = given
        ? parseCurve(given, eventsPerSecond)
        : [
            { minutes: 360, errorRatio: 0, eventsPerSecond },
            {
              minutes: numeric('--minutes', minutes),
              errorRatio: ratio === undefined ? Math.min(1, 20 * budget(chosen)) : numeric('--ratio', ratio),
              eventsPerSecond,
            },
            { minutes: 120, errorRatio: 0, eventsPerSecond },
          ];
      const simulation = simulate(chosen, curve);
      for (const line of table(chosen, curve, simulation)) caller.print(line);
      const path = resolve(file ?? `.local/slo-${id}.svg`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, plot(chosen, simulation));
      caller.print(`\nplot: ${path}`);
      return 0;
    },
  );

/** The result as lines of text. */
export function table(
  chosen: Objective,
  curve: readonly Segment[],
  { firings, minutes }: Simulation,
): string[] {
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

/** Segments as `minutes:ratio[:rate]`. @throws CouldNotCheck that names the segment */
export function parseCurve(text: string, eventsPerSecond: number): Segment[] {
  return text.split(',').map((part) => {
    const numbers = part.split(':').map(Number);
    const [minutes, errorRatio, rate = eventsPerSecond] = numbers;
    if (numbers.length < 2 || numbers.length > 3 || numbers.some(Number.isNaN) || !Number.isInteger(minutes))
      throw new CouldNotCheck(`--curve: ${JSON.stringify(part)} must be minutes:ratio or minutes:ratio:rate`);
    return { minutes: minutes as number, errorRatio: errorRatio as number, eventsPerSecond: rate };
  });
}

function numeric(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new CouldNotCheck(`${option} is ${JSON.stringify(text)}, must be a number`);
  return value;
}

if (import.meta.main) process.exitCode = await main(shell);
