import type { Redis } from 'ioredis';
import type { Contender } from './contenders.ts';

/** One round of one contender. */
export interface Sample {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of this process per decision. */
  readonly nodeMicros: number;
  /** Microseconds of Redis' scripts and commands per decision. */
  readonly redisMicros: number;
  readonly commandsPerDecision: number;
}

/** Keeps a number of requests in flight for some seconds. */
export async function measure(
  { decide }: Contender,
  redis: Redis,
  inFlight: number,
  seconds: number,
): Promise<Sample> {
  await redis.config('RESETSTAT');
  const latencies: number[] = [];
  let next = 0;
  const cpu = process.cpuUsage();
  const end = performance.now() + seconds * 1_000;
  const started = performance.now();
  const worker = async () => {
    while (performance.now() < end) {
      const at = performance.now();
      await decide(next++);
      latencies.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const elapsed = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const stats = [...(await redis.info('commandstats')).matchAll(/cmdstat_([a-z|]+):calls=(\d+),usec=(\d+)/g)]
    .map(([, name = '', calls, micros]) => ({ name, calls: Number(calls), micros: Number(micros) }))
    // What scripts call counts in the script already.
    .filter(({ name }) => ['evalsha', 'eval', 'incr', 'ping', 'multi', 'exec', 'pexpire'].includes(name));
  const sum = (of: 'calls' | 'micros') => stats.reduce((total, stat) => total + stat[of], 0);
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    perSecond: latencies.length / elapsed,
    p50: at(0.5),
    p99: at(0.99),
    nodeMicros: (user + system) / latencies.length,
    redisMicros: sum('micros') / latencies.length,
    commandsPerDecision: sum('calls') / latencies.length,
  };
}

/** The middle one of some numbers. */
export function medianOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** The median of a figure over the rounds. */
export const median = (samples: readonly Sample[], of: keyof Sample): number =>
  medianOf(samples.map((sample) => sample[of]));

/** A contender and the Redis that it asks. */
export interface Entry {
  readonly contender: Contender;
  readonly redis: Redis;
}

/** Runs contenders in turn, A B C A B C, so that a slow spell of the machine meets all of them. @returns the rounds of each */
export async function interleave(
  entries: readonly Entry[],
  options: { readonly inFlight: number; readonly rounds: number; readonly seconds: number },
): Promise<Sample[][]> {
  const results = entries.map((): Sample[] => []);
  for (let round = -1; round < options.rounds; round++) {
    for (const [i, { contender, redis }] of entries.entries()) {
      // Round -1 warms up: scripts loaded, code compiled.
      const seconds = round < 0 ? options.seconds / 3 : options.seconds;
      const sample = await measure(contender, redis, options.inFlight, seconds);
      if (round >= 0) results[i]?.push(sample);
    }
  }
  return results;
}
