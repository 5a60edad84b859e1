import { listed, type PanelQuery, panelQueries, withoutData } from '../../panel-data.ts';
import { type Prometheus, prometheusAt } from '../../prometheus.ts';
import { expect, type SmokeStep, type World } from './world.ts';

/** Two scrapes and an evaluation, with slack. */
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

/** What Prometheus and so the dashboards show of it all; nothing where there is no Prometheus, which it says. */
export function metricSteps({ stack, work }: World): SmokeStep[] {
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
        // A panel that awaits an event has no data before it; the tests make these events happen.
        const all = panelQueries('local').filter(({ awaits }) => awaits === undefined);
        const jobs = await jobsOf(prometheus);
        const queries = all.filter(({ query }) => jobsIn(query).every((job) => jobs.includes(job)));
        // Rates need traffic between two scrapes, and what came before the first scrape is no rate. A round that fails is seen
        // as a panel without data.
        const traffic = setInterval(() => void work().catch(() => undefined), roundEveryMs);
        try {
          await allHaveData(prometheus, queries);
        } finally {
          clearInterval(traffic);
        }
        const left = all.length - queries.length;
        return `${queries.length} queries${left > 0 ? `, ${left} skipped: about parts that are not here` : ''}`;
      },
    ],
  ];
}

/** @throws Failed with those that had none in time; Error with Prometheus' answer to a query that is wrong */
async function allHaveData({ query }: Prometheus, queries: readonly PanelQuery[]): Promise<void> {
  const missing = await withoutData(queries, async (one) => (await query(one)).length, withinMs);
  expect(missing.length === 0, listed(missing));
}

/** What is to be scraped here, up or not: a server that could not be had is left out. */
async function jobsOf({ get }: Prometheus): Promise<string[]> {
  const { activeTargets } = await get<{ activeTargets: { labels: { job: string } }[] }>(
    'targets?state=active',
  );
  return activeTargets.map(({ labels }) => labels.job);
}

/** The jobs that a query asks by name. */
function jobsIn(query: string): string[] {
  return [...query.matchAll(/\bjob="([^"]+)"/g)].map(([, job]) => String(job));
}
