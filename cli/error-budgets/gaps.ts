import type { Range } from '../../slo/prometheus.ts';

/** First and last step of a gap, in Unix seconds. */
export type Gap = readonly [from: number, to: number];

/**
 * Longest gap that is tolerated, in seconds. A Prometheus that moves to another node may miss so much, and the windows of
 * half an hour and more span it.
 */
const tolerated = 600;

/** Returns the gaps longer than is tolerated: the steps of a range at which nothing was recorded. */
export function gaps(recorded: ReadonlySet<number>, { start, end, step }: Range): Gap[] {
  const found: [number, number][] = [];
  for (let at = start; at <= end; at += step) {
    if (recorded.has(at)) continue;
    const last = found.at(-1);
    if (last?.[1] === at - step) last[1] = at;
    else found.push([at, at]);
  }
  return found.filter(([from, to]) => to + step - from > tolerated);
}
