import { request } from 'undici';

/** A series of a range query: its labels, and points of Unix seconds and value. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [number, number])[];
}

/** What a range query is asked for. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Why Prometheus did not give an answer. */
export class QueryFailed extends Error {}

/** Runs a range query. @throws QueryFailed with Prometheus's own words */
export async function queryRange(
  base: string,
  query: string,
  { start, end, step }: Range,
): Promise<Series[]> {
  const { result } = (await ask(base, 'query_range', {
    query,
    start: String(start),
    end: String(end),
    step: String(step),
  })) as { result: { metric: Record<string, string>; values: [number, string][] }[] };
  return result.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([time, value]) => [time, Number(value)] as const),
  }));
}

/** Values of a label among some series. */
export async function labelValues(base: string, label: string, match: string): Promise<string[]> {
  return (await ask(base, `label/${label}/values`, { 'match[]': match })) as string[];
}

async function ask(base: string, path: string, parameters: Record<string, string>): Promise<unknown> {
  const url = new URL(`api/v1/${path}`, base.endsWith('/') ? base : `${base}/`);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  let text: string;
  try {
    text = await (await request(url, { headersTimeout: 30_000 })).body.text();
  } catch (error) {
    throw new QueryFailed(`no answer from Prometheus at ${base}: ${(error as Error).message}`);
  }
  const answer = JSON.parse(text) as { status: string; error?: string; data: unknown };
  if (answer.status !== 'success') throw new QueryFailed(`${answer.error}: ${parameters.query ?? path}`);
  return answer.data;
}
