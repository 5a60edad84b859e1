/** Samples of one or several scrapes, by `name{labels}`. */
export type Samples = ReadonlyMap<string, number>;

/** Reads Prometheus's text format and adds the samples of several replicas up. */
export function parse(texts: readonly string[]): Samples {
  const samples = new Map<string, number>();
  for (const text of texts)
    for (const line of text.split('\n')) {
      const [, series, value] = /^([a-zA-Z_:][\w:]*(?:\{.*?\})?) (\S+)/.exec(line) ?? [];
      if (series !== undefined) samples.set(series, (samples.get(series) ?? 0) + Number(value));
    }
  return samples;
}

/** How much the series of a metric grew between two moments, those whose labels match. */
export function growth(before: Samples, after: Samples, name: string, labels = /./): number {
  return matching(after, name, labels).reduce(
    (sum, series) => sum + (after.get(series) ?? 0) - (before.get(series) ?? 0),
    0,
  );
}

/** The φ-quantile of what was observed between two moments, as `histogram_quantile` has it; NaN without any. */
export function quantile(phi: number, before: Samples, after: Samples, name: string, labels = /./): number {
  const byBound = new Map<number, number>();
  for (const series of matching(after, `${name}_bucket`, labels)) {
    const le = /le="([^"]+)"/.exec(series)?.[1] ?? '';
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    byBound.set(bound, (byBound.get(bound) ?? 0) + (after.get(series) ?? 0) - (before.get(series) ?? 0));
  }
  const buckets = [...byBound].sort(([a], [b]) => a - b);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return Number.NaN;
  let lower = 0;
  let below = 0;
  for (const [upper, count] of buckets) {
    if (count >= phi * total) {
      if (upper === Number.POSITIVE_INFINITY) return lower;
      return lower + ((upper - lower) * (phi * total - below)) / (count - below);
    }
    [lower, below] = [upper, count];
  }
  return lower;
}

const matching = (samples: Samples, name: string, labels: RegExp): string[] =>
  [...samples.keys()].filter(
    (series) => (series === name || series.startsWith(`${name}{`)) && labels.test(series),
  );
