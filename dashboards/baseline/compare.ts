import { format } from '../preview/format.ts';
import { type Baseline, type Figure, figures } from './record.ts';

/** One figure beside the recorded one. */
export interface Moved {
  readonly figure: Figure;
  readonly before: number;
  readonly now: number;
  /** Now over before; 1 when both are 0. */
  readonly ratio: number;
  readonly verdict: 'same' | 'better' | 'worse';
}

/** Compares two measurements as ratios; within the tolerance they are the same. @param tolerance above 1 */
export function compare(recorded: Baseline, current: Baseline, tolerance: number): Moved[] {
  return (Object.keys(figures) as Figure[]).map((figure) => {
    const [before, now] = [recorded.figures[figure], current.figures[figure]];
    const ratio = before === now ? 1 : now / before;
    const higher = ratio > tolerance;
    const lower = ratio < 1 / tolerance;
    const bad = figures[figure].worse === 'higher' ? higher : lower;
    return { figure, before, now, ratio, verdict: bad ? 'worse' : higher || lower ? 'better' : 'same' };
  });
}

/** What of the context differs, so that ratios say little: `cores: 2, now 8`. */
export const differences = (recorded: Baseline, current: Baseline): string[] =>
  Object.entries(recorded.context)
    .filter(([name, value]) => name !== 'loadBefore' && current.context[name] !== value)
    .map(([name, value]) => `${name}: ${value}, now ${current.context[name]}`);

/** A comparison as lines of text. */
export const report = (moved: readonly Moved[]): string[] =>
  moved.map(({ figure, before, now, ratio, verdict }) => {
    const { title, unit } = figures[figure];
    const values = `${format(before, unit)} → ${format(now, unit)}`;
    return `${title.padEnd(26)} ${values.padEnd(28)} × ${Number(ratio.toPrecision(3))}`.padEnd(68) + verdict;
  });
