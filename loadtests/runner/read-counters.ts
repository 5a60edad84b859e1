import { createClient } from './client.ts';
import { type Reading, readingOf } from './counters.ts';
import type { Target } from './target.ts';

/** Reads the limiter's counters of all replicas in reach, in the order of their addresses. */
export async function readCounters({ internal, internalCa }: Target): Promise<Reading[]> {
  const pages = internal.map((base) => createClient(base, internalCa)('GET', '/metrics'));
  return (await Promise.all(pages)).map(({ text }) => readingOf(text));
}
