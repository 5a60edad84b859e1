/** A period that is read in steps; all in whole Unix seconds. */
export interface Period {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** A part of a period, first and last step. */
export type Hole = readonly [from: number, to: number];

/**
 * What a Prometheus that moves to another node may miss, in seconds. It hides no burn for long: the windows of half an hour
 * and more span it.
 */
const bearable = 600;

/** The parts of a period, longer than is bearable, at whose steps nothing was recorded. */
export function holes(recorded: ReadonlySet<number>, { start, end, step }: Period): Hole[] {
  const found: [number, number][] = [];
  for (let at = start; at <= end; at += step) {
    if (recorded.has(at)) continue;
    const last = found.at(-1);
    if (last?.[1] === at - step) last[1] = at;
    else found.push([at, at]);
  }
  return found.filter(([from, to]) => to + step - from > bearable);
}
