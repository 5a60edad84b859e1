import { count, type Summary } from './report.ts';
import type { Profile } from './traffic.ts';

/** Accounts that the ramp's traffic is spread over. */
export const rampUsers = 60;
const highestRate = 1200;

/** One step of the ramp. */
export interface Step {
  /** Requests per second offered. */
  readonly rate: number;
  readonly seconds: number;
}

/** How a step went. */
export interface StepResult extends Step {
  /** Requests per second that were answered. */
  readonly answered: number;
  /** Milliseconds. */
  readonly p95: number;
  /** Share of requests that failed. */
  readonly failed: number;
  readonly holds: boolean;
}

/** What a step must keep to count as carried. */
export interface Bounds {
  /** Milliseconds. */
  readonly p95: number;
  /** Share. */
  readonly failed: number;
}

/** Rates in equal steps up to `to`, each held long enough for a percentile. */
export function planSteps(to = highestRate, steps = 12, seconds = 10): Step[] {
  return Array.from({ length: steps }, (_, i) => ({ rate: Math.round((to * (i + 1)) / steps), seconds }));
}

/** The ramp as traffic, to see which limits it meets. */
export function rampProfile(to?: number): Profile {
  return { users: rampUsers, stages: planSteps(to) };
}

/** The results by step, from metrics tagged `step`. */
export function resultsOf(steps: readonly Step[], summary: Summary, bounds: Bounds): StepResult[] {
  return steps.map(({ rate, seconds }) => {
    const tag = `{step:${rate}}`;
    const answered = count(summary, `http_reqs${tag}`) / seconds;
    const p95 = summary.metrics[`http_req_duration${tag}`]?.values['p(95)'] ?? Number.POSITIVE_INFINITY;
    const failed = summary.metrics[`failures${tag}`]?.values.rate ?? 1;
    // A generator or service that falls behind answers less than it was offered.
    const holds = p95 <= bounds.p95 && failed <= bounds.failed && answered >= rate * 0.95;
    return { rate, seconds, answered, p95, failed, holds };
  });
}

/** The highest rate up to which every step holds; 0 when the first does not. */
export function kneeOf(results: readonly StepResult[]): number {
  const broken = results.findIndex(({ holds }) => !holds);
  return (broken === -1 ? results.at(-1)?.rate : results[broken - 1]?.rate) ?? 0;
}
