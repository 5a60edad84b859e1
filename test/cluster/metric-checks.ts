import { until } from '../../infra/cluster/until.ts';
import { mainJob } from '../../infra/main-job.ts';
import { connections } from '../../infra/network/connections.ts';
import { scrapeTargets } from '../../infra/network/scrape.ts';
import { listed, panelQueries, withoutData } from '../../infra/panel-data.ts';
import type { Check } from './checks.ts';
import { type Cluster, login, withPrometheus } from './stack.ts';

/** What Prometheus sees. */
const metrics: Check = {
  name: 'every target of Prometheus is up, its rules are healthy, metrics have data',
  run: (cluster) =>
    withPrometheus(cluster.kubectl, async ({ get, query }) => {
      const { settings } = cluster;
      const jobs = ['prometheus', ...scrapeTargets(settings, connections(settings)).map(({ job }) => job)];
      const up = await until('targets up', 90, async () => {
        const { activeTargets } = await get<{ activeTargets: Target[] }>('targets?state=active');
        const down = activeTargets.filter(({ health }) => health !== 'up');
        if (down.length > 0)
          throw new Error(down.map((target) => `${target.scrapeUrl}: ${target.lastError}`).join('; '));
        const missing = jobs.filter((job) => !activeTargets.some(({ labels }) => labels.job === job));
        if (missing.length > 0) throw new Error(`no target of ${missing.join(', ')}`);
        return activeTargets.length;
      });
      // Fresh connections, so that every replica gets some.
      for (let index = 0; index < 20; index++)
        await (await cluster.client()).call('GET', '/health', { headers: { connection: 'close' } });
      const replicas = await until('requests on every replica in Prometheus', 60, async () => {
        const found = Number(
          (await query('count(sum by (instance) (http_requests_total) > 0)'))[0]?.points[0]?.[1] ?? 0,
        );
        return found >= settings.app.replicas && found;
      });
      const { groups } = await get<{ groups: { rules: Rule[] }[] }>('rules');
      const rules = groups.flatMap((group) => group.rules);
      const ill = rules.filter(({ health }) => health === 'err');
      if (ill.length > 0)
        throw new Error(ill.map(({ name, lastError }) => `${name}: ${lastError}`).join('; '));
      return `${up} targets up; requests on ${replicas} replicas; ${rules.length} rules without an error`;
    }),
};

/** Rates need traffic between two scrapes, and some rules are evaluated once a minute. */
const panelsWithinMs = 180_000;
/** Five requests of a round count against the quota of a user: 60 a minute of 100. */
const roundEveryMs = 5_000;

/** Every query of every dashboard, asked as Grafana does. */
const panels: Check = {
  name: 'every query of the dashboards returns data',
  run: (cluster) =>
    withPrometheus(cluster.kubectl, async ({ query }) => {
      const series = async (expression: string) => (await query(expression)).length;
      const all = panelQueries(cluster.settings.environment);
      const always = all.filter(({ awaits }) => awaits === undefined);
      const stop = await traffic(cluster);
      try {
        const missing = await withoutData(always, series, panelsWithinMs);
        if (missing.length > 0) throw new Error(listed(missing));
      } finally {
        stop();
      }
      const eventful = all.filter(({ awaits }) => awaits !== undefined);
      const waiting = await withoutData(eventful, series, 0);
      return `${always.length} queries, and ${eventful.length - waiting.length} of ${eventful.length} that await an event; still waiting: ${
        waiting.map(({ place, awaits }) => `${place} (${awaits})`).join('; ') || 'none'
      }`;
    }),
};

/** Does the main job again and again until told to stop; a round that fails is seen as a panel without data. */
async function traffic(cluster: Cluster): Promise<() => void> {
  const owner = await login(cluster, 'ben@example.test');
  const other = await login(cluster, 'anna@example.test');
  const round = async () => {
    const client = await cluster.client();
    await mainJob(async (who, method, path, json, headers) => {
      const token = who === 'owner' ? owner : other;
      const answer = await client.call(method, path, { token, json, ...(headers ? { headers } : {}) });
      return { ...answer, text: answer.body };
    });
  };
  const timer = setInterval(() => void round().catch(() => undefined), roundEveryMs);
  return () => clearInterval(timer);
}

/** Checks of what is measured. */
export const metricChecks: readonly Check[] = [metrics, panels];

interface Rule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

interface Target {
  readonly health: string;
  readonly scrapeUrl: string;
  readonly lastError: string;
  readonly labels: { readonly job: string };
}
