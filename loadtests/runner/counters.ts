/** Reads the limiter's counters as they stand, so that a difference is exact; `increase()` would extrapolate. */

/** Denials by policy, summed over all replicas, and which processes counted them. */
export interface Denials {
  readonly byPolicy: Readonly<Record<string, number>>;
  /** Start times of the replicas' processes; another one means that a counter began again at 0. */
  readonly processes: readonly number[];
}

/** One sample of the text format. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Reads the deny counters of all replicas.
 * @param internal base URLs of the internal ports
 * @param get fetches a URL's text
 */
export async function readDenials(
  internal: readonly string[],
  get: (url: string) => Promise<string>,
): Promise<Denials> {
  const texts = await Promise.all(internal.map((base) => get(`${base}/metrics`)));
  const byPolicy: Record<string, number> = {};
  for (const { labels, value } of texts.flatMap((text) => samples(text, 'ratelimit_decisions_total'))) {
    if (labels.decision !== 'deny') continue;
    const policy = labels.policy ?? '';
    byPolicy[policy] = (byPolicy[policy] ?? 0) + value;
  }
  const processes = texts.map((text) => samples(text, 'process_start_time_seconds')[0]?.value ?? Number.NaN);
  return { byPolicy, processes };
}

/** Growth between two readings, in all and by policy; null when a replica restarted between them. */
export function growth(
  before: Denials,
  after: Denials,
): { total: number; byPolicy: Record<string, number> } | null {
  if (before.processes.some((start, i) => start !== after.processes[i])) return null;
  const byPolicy = Object.fromEntries(
    Object.entries(after.byPolicy)
      .map(([policy, value]) => [policy, value - (before.byPolicy[policy] ?? 0)] as const)
      .filter(([, value]) => value !== 0),
  );
  return { total: Object.values(byPolicy).reduce((sum, value) => sum + value, 0), byPolicy };
}

/** All samples of one metric in Prometheus' text format (or OpenMetrics'). */
export function samples(text: string, metric: string): Sample[] {
  const line = new RegExp(`^${metric}(?:\\{(.*?)\\})? (\\S+)`);
  return text.split('\n').flatMap((row) => {
    const found = line.exec(row);
    if (!found) return [];
    const labels = [...(found[1] ?? '').matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)];
    return [
      {
        labels: Object.fromEntries(labels.map(([, name, value]) => [name, value])),
        value: Number(found[2]),
      },
    ];
  });
}
