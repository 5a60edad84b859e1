import { Counter } from 'k6/metrics';
import type { Options } from 'k6/options';
import { counted } from '../scenarios/counted.ts';

/** Iterations that an exception ended. */
const broken = new Counter('broken_iterations');

/** A function that k6 runs over and over; its exceptions turn the run red. */
export function iteration<Args extends unknown[]>(run: (...args: Args) => void): (...args: Args) => void {
  return counted(() => broken.add(1), run);
}

/** A script's options, with what holds for every script. */
export function judged(options: Options): Options {
  return {
    ...options,
    thresholds: { broken_iterations: ['count==0'], ...options.thresholds },
    // What the reports show.
    summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max', 'count'],
  };
}
