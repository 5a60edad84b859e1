/** Reads the limiter's counters as they stand, so that a difference is exact; `increase()` would extrapolate. */

/** `ratelimit_decisions_total` of one replica. */
export interface Reading {
  /** Denials by policy. */
  readonly denied: Readonly<Record<string, number>>;
  /** Decisions that the local limiter took because Redis did not answer in time. */
  readonly local: number;
  /** When its process started, Unix seconds; NaN when it does not say. */
  readonly started: number;
}

/** Growth between two readings, over all replicas. */
export interface Growth {
  readonly denied: number;
  readonly byPolicy: Readonly<Record<string, number>>;
  readonly local: number;
}

/** One sample of the text format. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads a replica's counters from its `/metrics`. */
export function readingOf(text: string): Reading {
  const denied: Record<string, number> = {};
  let local = 0;
  for (const { labels, value } of samples(text, 'ratelimit_decisions_total')) {
    const { policy = '', decision, source } = labels;
    if (decision === 'deny') denied[policy] = (denied[policy] ?? 0) + value;
    if (source === 'local') local += value;
  }
  const started = samples(text, 'process_start_time_seconds')[0]?.value ?? Number.NaN;
  return { denied, local, started };
}

/** What grew between two readings of the same replicas; null when one of them began again at 0. */
export function growth(before: readonly Reading[], after: readonly Reading[]): Growth | null {
  const byPolicy: Record<string, number> = {};
  let local = 0;
  for (const [i, now] of after.entries()) {
    const then = before[i];
    if (then === undefined || now.started > then.started || now.local < then.local) return null;
    local += now.local - then.local;
    for (const policy of new Set([...Object.keys(then.denied), ...Object.keys(now.denied)])) {
      const grown = (now.denied[policy] ?? 0) - (then.denied[policy] ?? 0);
      if (grown < 0) return null;
      if (grown > 0) byPolicy[policy] = (byPolicy[policy] ?? 0) + grown;
    }
  }
  return { denied: Object.values(byPolicy).reduce((sum, value) => sum + value, 0), byPolicy, local };
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
