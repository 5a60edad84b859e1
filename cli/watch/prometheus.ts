import { prometheusAt } from '../../infra/prometheus.ts';
import { CouldNotCheck } from '../lib/command.ts';
import { eventsQuery, type Moment, type Sample, sharesQuery, windowOf } from './burning.ts';
import type { Period } from './holes.ts';

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** Recorded for as long as the rules of an environment run, whatever the traffic. */
const always = (environment: string) => `slo:objective:ratio{environment="${environment}"}`;

/**
 * What is recorded now.
 * @throws CouldNotCheck, also when no objectives of the environment are recorded: then nothing could ever burn
 */
export async function now(prometheus: string, environment: string): Promise<Moment> {
  const read = (query: string) => ask(prometheus, 'query', { query });
  const samples = async (query: string) =>
    (await read(query)).map(({ metric, value }) => sample(metric, value?.[1]));
  const [objectives, shares, events] = await Promise.all([
    read(always(environment)),
    samples(sharesQuery(environment)),
    samples(eventsQuery(environment)),
  ]);
  if (objectives.length === 0)
    throw new CouldNotCheck(`${prometheus} records no objectives of ${environment}; does it load the rules?`);
  return { shares, events };
}

/** What was recorded in a period. */
export interface Past {
  /** By Unix seconds, oldest first. */
  readonly moments: ReadonlyMap<number, Moment>;
  /** The steps of the period at which the rules ran. */
  readonly recorded: ReadonlySet<number>;
}

/** Reads a period. @throws CouldNotCheck */
export async function past(
  prometheus: string,
  environment: string,
  { start, end, step }: Period,
): Promise<Past> {
  const range = { start: String(start), end: String(end), step: String(step) };
  const read = (query: string) => ask(prometheus, 'query_range', { query, ...range });
  const moments = new Map<number, { shares: Sample[]; events: Sample[] }>();
  const collect = async (query: string, kind: 'shares' | 'events') => {
    for (const { metric, values = [] } of await read(query)) {
      for (const [at, value] of values) {
        const moment = moments.get(at) ?? { shares: [], events: [] };
        moment[kind].push(sample(metric, value));
        moments.set(at, moment);
      }
    }
  };
  await collect(sharesQuery(environment), 'shares');
  await collect(eventsQuery(environment), 'events');
  const recorded = (await read(always(environment))).flatMap(({ values = [] }) => values.map(([at]) => at));
  return { moments: new Map([...moments].sort(([a], [b]) => a - b)), recorded: new Set(recorded) };
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
    const url = `${path}?${new URLSearchParams(query)}`;
    return (await prometheusAt(prometheus).get<{ result: Series[] }>(url)).result;
  } catch (error) {
    throw new CouldNotCheck(`Prometheus at ${prometheus}: ${(error as Error).message}`);
  }
}
