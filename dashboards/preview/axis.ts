/** Where an axis has its lines, so that a reader finds round numbers there: of tens, of powers of two, of clock times. */

const minute = 60;
const hour = 60 * minute;
/** Seconds between lines of an axis of long durations; beyond these, days in tens. */
const clock = [1, 2, 5, 10, 20, 30]
  .map((count) => count * minute)
  .concat([1, 2, 4, 6, 12].map((count) => count * hour));

/** Lines wanted, at most one more. */
const lines = 4;

/** The end of an axis that starts at 0 and shows `top`, and the distance of its lines. `end` wins where it is given. */
export function axisTo(top: number, unit: string, end?: number): { max: number; interval: number } {
  if (end !== undefined) return { max: end, interval: end / lines };
  // Zeros only: a small axis, since the shape says nothing.
  const shown = top > 0 ? top : unit === 'percentunit' ? 0.01 : 1;
  const interval = stepOver(shown / lines, unit);
  return { max: Math.ceil(shown / interval - 1e-9) * interval, interval };
}

/** The smallest round distance that is not below the one wanted. */
function stepOver(wanted: number, unit: string): number {
  if (unit === 'bytes' || unit === 'Bps') return 2 ** Math.ceil(Math.log2(wanted));
  if (unit === 's' && wanted > 20) {
    const day = 24 * hour;
    return clock.find((step) => step >= wanted) ?? tens(wanted / day) * day;
  }
  return tens(wanted);
}

function tens(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 2.5, 5].find((count) => count * power >= wanted * (1 - 1e-9)) ?? 10;
  return Number((step * power).toPrecision(3));
}
