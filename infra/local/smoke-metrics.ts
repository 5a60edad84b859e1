import { type Prometheus, prometheusAt } from '../../slo/prometheus.ts';
import { listed, type PanelQuery, panelQueries, withoutData } from '../panel-data.ts';
import { expect, type SmokeClient, type SmokeStep } from './smoke-client.ts';

/** Two scrapes and a rule evaluation take about 20 s. */
const withinMs = 45_000;
/** Five requests a round count against the quota of a user: 75 a minute. */
const roundEveryMs = 4_000;
const given = [
  'case_operations_total',
  'case_operation_duration_seconds_count',
  'active_users',
  'offline_sync_queue_depth',
  'cache_hit_ratio',
  'ratelimit_decisions_total',
];

/** Steps that query Prometheus as the dashboards do. Without Prometheus they are skipped. */
export function metricSteps({ stack, doMainJob }: SmokeClient): SmokeStep[] {
  if (stack.prometheus === null)
    return [['metrics and dashboards', async () => 'skipped: there is no Prometheus here']];
  const prometheus = prometheusAt(stack.prometheus);
  return [
    [
      'the given metrics are in Prometheus',
      async () => {
        await allHaveData(
          prometheus,
          given.map((name) => ({ place: 'metric', query: name })),
        );
        return `${given.length} metrics`;
      },
    ],
    [
      'every dashboard query returns data',
      async () => {
        // A panel that shows an event has no data before that event, and the tests cause these events.
        const all = panelQueries('local').filter(({ awaits }) => awaits === undefined);
        const jobs = await jobsOf(prometheus);
        const queries = all.filter(({ query }) => jobsIn(query).every((job) => jobs.includes(job)));
        // rate() needs traffic between two scrapes. A round that fails shows as a panel without data.
        const traffic = setInterval(() => void doMainJob().catch(() => undefined), roundEveryMs);
        try {
          await allHaveData(prometheus, queries);
        } finally {
          clearInterval(traffic);
        }
        const left = all.length - queries.length;
        return `${queries.length} queries${left > 0 ? `, ${left} skipped: about servers that are not here` : ''}`;
      },
    ],
  ];
}

/** @throws Failed with those that had none in time; Error with Prometheus' answer to a query that is wrong */
async function allHaveData({ query }: Prometheus, queries: readonly PanelQuery[]): Promise<void> {
  const missing = await withoutData(queries, async (one) => (await query(one)).length, withinMs);
  expect(missing.length === 0, listed(missing));
}

/** Returns the scraped jobs, up or not. A server that this machine does not have is not among them. */
async function jobsOf({ get }: Prometheus): Promise<string[]> {
  const { activeTargets } = await get<{ activeTargets: { labels: { job: string } }[] }>(
    'targets?state=active',
  );
  return activeTargets.map(({ labels }) => labels.job);
}

/** Returns the jobs that a query selects by name. */
function jobsIn(query: string): string[] {
  return [...query.matchAll(/\bjob="([^"]+)"/g)].map(([, job]) => String(job));
}
