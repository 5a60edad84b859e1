import { CouldNotCheck } from '../lib/command.ts';
import { eventsQuery, type Moment, type Sample, sharesQuery, windowOf } from './burning.ts';

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** Whether Prometheus has the objectives of an environment at all; without them nothing could ever burn. */
export async function knowsObjectives(prometheus: string, environment: string): Promise<boolean> {
  const query = `slo:objective:ratio{environment="${environment}"}`;
  return (await ask(prometheus, 'query', { query })).length > 0;
}

/** What is recorded now. @throws CouldNotCheck */
export async function now(prometheus: string, environment: string): Promise<Moment> {
  const read = async (query: string) =>
    (await ask(prometheus, 'query', { query })).map(({ metric, value }) => sample(metric, value?.[1]));
  const [shares, events] = await Promise.all([
    read(sharesQuery(environment)),
    read(eventsQuery(environment)),
  ]);
  return { shares, events };
}

/** What was recorded over the last seconds, oldest first, by Unix seconds. @throws CouldNotCheck */
export async function past(
  prometheus: string,
  environment: string,
  seconds: number,
): Promise<Map<number, Moment>> {
  const end = Math.floor(Date.now() / 1000);
  const step = Math.max(30, Math.ceil(seconds / 2_000));
  const moments = new Map<number, { shares: Sample[]; events: Sample[] }>();
  const read = async (query: string, kind: 'shares' | 'events') => {
    const range = { query, start: String(end - seconds), end: String(end), step: String(step) };
    for (const { metric, values = [] } of await ask(prometheus, 'query_range', range)) {
      for (const [at, value] of values) {
        const moment = moments.get(at) ?? { shares: [], events: [] };
        moment[kind].push(sample(metric, value));
        moments.set(at, moment);
      }
    }
  };
  await read(sharesQuery(environment), 'shares');
  await read(eventsQuery(environment), 'events');
  return new Map([...moments].sort(([a], [b]) => a - b));
}

function sample(metric: Readonly<Record<string, string>>, value: string | undefined): Sample {
  return { slo: metric.slo ?? '', window: windowOf(metric), value: Number(value ?? Number.NaN) };
}

async function ask(
  prometheus: string,
  path: string,
  query: Record<string, string>,
): Promise<readonly Series[]> {
  try {
    const answer = await fetch(`${prometheus}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(query),
      signal: AbortSignal.timeout(10_000),
    });
    const { data, error } = (await answer.json()) as { data?: { result: Series[] }; error?: string };
    if (data === undefined) throw new Error(error ?? `status ${answer.status}`);
    return data.result;
  } catch (error) {
    throw new CouldNotCheck(`Prometheus at ${prometheus}: ${(error as Error).message}`);
  }
}
