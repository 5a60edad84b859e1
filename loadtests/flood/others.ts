import { setTimeout } from 'node:timers/promises';
import type { Client } from '../runner/client.ts';

/** How requests at a fixed rate were answered. */
export interface Service {
  readonly sent: number;
  /** Answered with something else than 200, or not at all. */
  readonly failed: number;
  /** Milliseconds within which 99 of 100 were answered. */
  readonly p99: number;
}

/**
 * Users who look at their cases, in turn, at a fixed rate whatever the answers do.
 * @param rate requests per second of all
 */
export async function others(
  client: Client,
  tokens: readonly string[],
  rate: number,
  seconds: number,
): Promise<Service> {
  const times: number[] = [];
  let failed = 0;
  const look = async (n: number) => {
    const began = performance.now();
    const token = tokens[n % tokens.length] as string;
    const status = await client('GET', '/api/v1/cases', { token }).then(
      (answer) => answer.status,
      () => 0,
    );
    times.push(performance.now() - began);
    if (status !== 200) failed++;
  };
  const began = performance.now();
  const under: Promise<void>[] = [];
  for (let n = 0; n < rate * seconds; n++) {
    await setTimeout(Math.max(0, began + (n * 1_000) / rate - performance.now()));
    under.push(look(n));
  }
  await Promise.all(under);
  times.sort((a, b) => a - b);
  return { sent: times.length, failed, p99: times[Math.ceil(times.length * 0.99) - 1] as number };
}
