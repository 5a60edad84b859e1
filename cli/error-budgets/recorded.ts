import { prometheusAt, type Range, type Series } from '../../slo/prometheus.ts';
import { CouldNotCheck } from '../frame/command.ts';
import { eventsQuery, type Moment, type Sample, sharesQuery, windowOf } from './burning.ts';

/** Recorded while the rules of an environment run, with or without traffic. */
const objectives = (environment: string) => `slo:objective:ratio{environment="${environment}"}`;

/**
 * Reads the newest values.
 * @throws QueryFailed; CouldNotCheck when no objective of the environment is recorded, because then none could ever burn
 */
export async function readNow(address: string, environment: string): Promise<Moment> {
  const { query } = prometheusAt(address);
  const [recorded, shares, events] = await Promise.all([
    query(objectives(environment)),
    query(sharesQuery(environment)),
    query(eventsQuery(environment)),
  ]);
  if (recorded.length === 0)
    throw new CouldNotCheck(`${address} records no objectives of ${environment}; does it load the rules?`);
  const samples = (series: readonly Series[]) => series.map((one) => sample(one, one.points[0]?.[1]));
  return { shares: samples(shares), events: samples(events) };
}

/** Values of a past range. */
export interface Past {
  /** By Unix seconds, oldest first. */
  readonly moments: ReadonlyMap<number, Moment>;
  /** The steps of the range at which the rules ran. */
  readonly recorded: ReadonlySet<number>;
}

/** Reads the values of a range. @throws QueryFailed */
export async function readPast(address: string, environment: string, range: Range): Promise<Past> {
  const { queryRange } = prometheusAt(address);
  const moments = new Map<number, { shares: Sample[]; events: Sample[] }>();
  const collect = async (query: string, kind: 'shares' | 'events') => {
    for (const series of await queryRange(query, range))
      for (const [at, value] of series.points) {
        const moment = moments.get(at) ?? { shares: [], events: [] };
        moment[kind].push(sample(series, value));
        moments.set(at, moment);
      }
  };
  await collect(sharesQuery(environment), 'shares');
  await collect(eventsQuery(environment), 'events');
  const recorded = (await queryRange(objectives(environment), range)).flatMap(({ points }) =>
    points.map(([at]) => at),
  );
  return { moments: new Map([...moments].sort(([a], [b]) => a - b)), recorded: new Set(recorded) };
}

function sample({ labels }: Series, value = Number.NaN): Sample {
  return { slo: labels.slo ?? '', window: windowOf(labels), value };
}
