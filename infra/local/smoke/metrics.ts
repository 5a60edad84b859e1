import { type PanelQuery, panelQueries, withoutData } from '../../panel-data.ts';
import { send } from '../http.ts';
import { expect, Failed, type SmokeStep, type World } from './world.ts';

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
  const { prometheus } = stack;
  if (prometheus === null)
    return [['metrics and dashboards', async () => 'skipped: there is no Prometheus here']];
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

/** @throws Failed with those that had none in time */
async function allHaveData(prometheus: string, queries: readonly PanelQuery[]): Promise<void> {
  const missing = await withoutData(queries, (query) => seriesOf(prometheus, query), withinMs);
  const list = missing.map(({ place, query }) => `${place}: no data for ${query}`);
  expect(list.length === 0, list.join('; '));
}

/** What is to be scraped here, up or not: a server that could not be had is left out. */
async function jobsOf(prometheus: string): Promise<string[]> {
  const { text } = await send(`${prometheus}/api/v1/targets?state=active`);
  const { data } = JSON.parse(text) as {
    data: { activeTargets: { labels: { job: string } }[] };
  };
  return data.activeTargets.map(({ labels }) => labels.job);
}

/** The jobs that a query asks by name. */
function jobsIn(query: string): string[] {
  return [...query.matchAll(/\bjob="([^"]+)"/g)].map(([, job]) => String(job));
}

/** How many series a query returns. @throws Failed with Prometheus' answer to a query that is wrong */
async function seriesOf(prometheus: string, query: string): Promise<number> {
  const { status, text } = await send(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
  if (status !== 200) throw new Failed(`${query}: status ${status}: ${text.slice(0, 300)}`);
  return (JSON.parse(text) as { data: { result: unknown[] } }).data.result.length;
}
