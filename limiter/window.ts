import { subBuckets } from '../contract/policies.ts';

/**
 * The sliding window: 60 sub-buckets before the current one, the oldest counted in full, so that no window of any
 * position ever holds more than the quota. The Lua script does the same arithmetic; a test holds them to each other.
 */
export interface WindowState {
  /** Number of the current sub-bucket since the epoch. */
  index: number;
  /** Units consumed in the current sub-bucket. */
  current: number;
  /** Units consumed in all buckets that count, the current one included. */
  sum: number;
  /** Number of the oldest sub-bucket that holds units; `index` when none before does. */
  oldest: number;
  /** Units of the 60 sub-buckets before, by number modulo 60. */
  readonly ring: Uint32Array;
}

/** What a rule says of a request. */
export interface Verdict {
  readonly admitted: boolean;
  /** Units left after this request. */
  readonly remaining: number;
  /** Milliseconds until the same request would be admitted; 0 when it was. */
  readonly waitMs: number;
  /** Unix milliseconds at which nothing consumed so far counts any more. */
  readonly resetAt: number;
  /** Unix milliseconds at which at least one more unit becomes available; now when nothing is consumed. */
  readonly nextAt: number;
}

/** A window that nothing was consumed in. */
export const emptyWindow = (): WindowState => ({
  index: 0,
  current: 0,
  sum: 0,
  oldest: 0,
  ring: new Uint32Array(subBuckets),
});

/** Length of a sub-bucket in milliseconds; a window of whole seconds rounds up, never down, to whole milliseconds. */
export const bucketLength = (windowMs: number): number => Math.ceil(windowMs / subBuckets);

/** Moves a window to the sub-bucket of `now`. A clock that went backwards leaves it where it is. */
export function roll(state: WindowState, bucketMs: number, now: number): void {
  const index = Math.floor(now / bucketMs);
  const steps = index - state.index;
  if (steps <= 0) return;
  if (steps > subBuckets) {
    state.ring.fill(0);
    state.sum = 0;
  } else {
    const { ring } = state;
    for (let bucket = state.index; bucket < index; bucket++) {
      const slot = bucket % subBuckets;
      state.sum -= ring[slot] ?? 0;
      ring[slot] = bucket === state.index ? state.current : 0;
    }
  }
  state.index = index;
  state.current = 0;
  state.oldest = index;
  if (state.sum === 0) return;
  let bucket = index - subBuckets;
  while (bucket < index && state.ring[bucket % subBuckets] === 0) bucket++;
  state.oldest = bucket;
}

/** Consumes `cost` units of a rolled window when they fit, or whatever happens with `force`; else says when they will. */
export function consume(
  state: WindowState,
  bucketMs: number,
  now: number,
  rule: { readonly quota: number; readonly cost: number },
  mode: 'consume' | 'peek' | 'force' = 'consume',
): Verdict {
  const { quota, cost } = rule;
  const admitted = state.sum + cost <= quota;
  if ((admitted && mode === 'consume') || mode === 'force') add(state, cost);
  return {
    admitted,
    remaining: Math.max(0, quota - state.sum),
    waitMs: admitted ? 0 : waitFor(state, bucketMs, now, quota - cost),
    resetAt: state.sum === 0 ? now : (newest(state) + subBuckets + 1) * bucketMs,
    nextAt: state.sum === 0 ? now : (state.oldest + subBuckets + 1) * bucketMs,
  };
}

/** Consumes units of a rolled window, whatever its quota. */
export function add(state: WindowState, units: number): void {
  state.current += units;
  state.sum += units;
}

/** Milliseconds until no more than `target` units count: the oldest sub-buckets leave one by one. */
function waitFor(state: WindowState, bucketMs: number, now: number, target: number): number {
  let left = state.sum;
  let bucket = state.index - subBuckets;
  while (bucket < state.index) {
    left -= state.ring[bucket % subBuckets] ?? 0;
    if (left <= target) break;
    bucket++;
  }
  return (bucket + subBuckets + 1) * bucketMs - now;
}

function newest(state: WindowState): number {
  if (state.current > 0) return state.index;
  let bucket = state.index - 1;
  while (bucket > state.oldest && state.ring[bucket % subBuckets] === 0) bucket--;
  return bucket;
}
