import { subBuckets } from '../contract/policies.ts';

/**
 * A sliding window in this process: 60 sub-buckets before the current one, the oldest counted in full, so that no
 * period of the window's length ever holds more than the quota. The Lua script does the same arithmetic; a property test
 * compares the two.
 */
export interface Window {
  /** Number of the current sub-bucket since the epoch. */
  index: number;
  /** Units consumed in the current sub-bucket. */
  current: number;
  /** Units consumed in all sub-buckets that count, the current one included. */
  sum: number;
  /** Number of the oldest sub-bucket that holds units; `index` when no earlier one does. */
  oldest: number;
  /** Units of the 60 earlier sub-buckets, by number modulo 60. */
  readonly ring: Uint32Array;
}

/** Returns a window without consumption. */
export const emptyWindow = (): Window => ({
  index: 0,
  current: 0,
  sum: 0,
  oldest: 0,
  ring: new Uint32Array(subBuckets),
});

/** Returns the length of a sub-bucket in whole milliseconds, rounded up so that 60 of them cover the window. */
export const bucketLength = (windowMs: number): number => Math.ceil(windowMs / subBuckets);

/**
 * Moves a window to the sub-bucket of `now`. When the clock went back, all units count as consumed now: nothing is
 * refilled, and nobody waits longer than one window.
 */
export function roll(window: Window, bucketMs: number, now: number): void {
  const index = Math.floor(now / bucketMs);
  const steps = index - window.index;
  if (steps === 0) return;
  const { ring } = window;
  let { current } = window;
  if (steps < 0) {
    ring.fill(0);
    current = window.sum;
  } else if (steps > subBuckets) {
    ring.fill(0);
    window.sum = current = 0;
  } else {
    for (let bucket = window.index; bucket < index; bucket++) {
      const slot = bucket % subBuckets;
      window.sum -= ring[slot] ?? 0;
      ring[slot] = bucket === window.index ? current : 0;
    }
    current = 0;
  }
  window.index = index;
  window.current = current;
  window.oldest = index;
  if (window.sum === current) return;
  let bucket = index - subBuckets;
  while (bucket < index && ring[bucket % subBuckets] === 0) bucket++;
  window.oldest = bucket;
}

/** Consumes units of a rolled window, whatever its quota. */
export function add(window: Window, units: number): void {
  window.current += units;
  window.sum += units;
}

/** Returns the milliseconds until at most `target` units of a rolled window count; 0 when that is so now. */
export function waitUntil(window: Window, bucketMs: number, now: number, target: number): number {
  let left = window.sum;
  if (left <= target) return 0;
  let bucket = window.index - subBuckets;
  while (bucket < window.index) {
    left -= window.ring[bucket % subBuckets] ?? 0;
    if (left <= target) break;
    bucket++;
  }
  return (bucket + subBuckets + 1) * bucketMs - now;
}

/** Returns the Unix milliseconds at which nothing consumed so far counts any more; `now` for an empty window. */
export function resetAt(window: Window, bucketMs: number, now: number): number {
  if (window.sum === 0) return now;
  let newest = window.index;
  if (window.current === 0) {
    newest--;
    while (newest > window.oldest && window.ring[newest % subBuckets] === 0) newest--;
  }
  return (newest + subBuckets + 1) * bucketMs;
}

/** Returns the Unix milliseconds at which the oldest units stop counting; `now` for an empty window. */
export const nextAt = (window: Window, bucketMs: number, now: number): number =>
  window.sum === 0 ? now : (window.oldest + subBuckets + 1) * bucketMs;
