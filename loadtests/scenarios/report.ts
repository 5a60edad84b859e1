/** Turns k6's end-of-test data into a text for people, JSON for tools and JUnit for CI. */

/** The part of k6's summary data that the reports use; the same in k6 1.x and 2.x. */
export interface Summary {
  readonly metrics: Readonly<
    Record<
      string,
      {
        readonly values: Readonly<Record<string, number>>;
        readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
      }
    >
  >;
  readonly state?: { readonly testRunDurationMs: number };
  /** Groups with their checks. */
  readonly root_group?: unknown;
}

/** One threshold and how it ended. */
export interface Verdict {
  readonly metric: string;
  readonly threshold: string;
  readonly ok: boolean;
  /** The values that the threshold was judged by. */
  readonly seen: string;
}

/** All thresholds, by metric. */
export function verdicts({ metrics }: Summary): Verdict[] {
  return Object.entries(metrics)
    .flatMap(([metric, { thresholds, values }]) =>
      Object.entries(thresholds ?? {}).map(([threshold, { ok }]) => ({
        metric,
        threshold,
        ok,
        seen: seen(threshold, values),
      })),
    )
    .sort((a, b) => a.metric.localeCompare(b.metric));
}

/** A counter's count, 0 when it was never counted. */
export function count({ metrics }: Summary, metric: string): number {
  return metrics[metric]?.values.count ?? 0;
}

/** For tools: what was measured, and no more. k6 also hands over what `setup` returned, tokens of signed-in accounts. */
export function json({ metrics, root_group, state }: Summary): string {
  return `${JSON.stringify({ metrics, root_group, state }, null, 1)}\n`;
}

/** The text that ends a run. */
export function text(script: string, summary: Summary): string {
  const duration = summary.metrics.http_req_duration?.values ?? {};
  const lines = verdicts(summary).map(
    ({ metric, threshold, ok, seen }) => `  ${ok ? 'ok  ' : 'FAIL'} ${metric}: ${threshold} (${seen})`,
  );
  return `${[
    `${script}: ${count(summary, 'http_reqs')} requests, ${round(summary.metrics.http_reqs?.values.rate)}/s, ` +
      `${count(summary, 'rate_limited')} answered 429`,
    `  duration ms: median ${round(duration.med)}, p95 ${round(duration['p(95)'])}, ` +
      `p99 ${round(duration['p(99)'])}, max ${round(duration.max)}`,
    ...lines,
  ].join('\n')}\n`;
}

/** One test case per threshold. */
export function junit(script: string, summary: Summary): string {
  const all = verdicts(summary);
  const cases = all.map(({ metric, threshold, ok, seen }) => {
    const open = `  <testcase classname="loadtests.${script}" name="${escaped(`${metric}: ${threshold}`)}"`;
    return ok ? `${open}/>` : `${open}>\n    <failure message="${escaped(seen)}"/>\n  </testcase>`;
  });
  const failures = all.filter(({ ok }) => !ok).length;
  const seconds = round((summary.state?.testRunDurationMs ?? 0) / 1000);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="loadtests.${script}" tests="${all.length}" failures="${failures}" time="${seconds}">`,
    ...cases,
    '</testsuite>',
    '',
  ].join('\n');
}

function seen(threshold: string, values: Readonly<Record<string, number>>): string {
  const name = /^[a-z]+(\(\d+(\.\d+)?\))?/.exec(threshold)?.[0] ?? '';
  const value = values[name];
  return value === undefined ? 'nothing counted' : `${name} ${round(value)}`;
}

function round(value: number | undefined): string {
  return value === undefined ? '-' : String(Number(value.toPrecision(6)));
}

function escaped(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
