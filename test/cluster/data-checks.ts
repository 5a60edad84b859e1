import { restore } from '../../infra/cluster/restore.ts';
import { until } from '../../infra/cluster/until.ts';
import { listed, panelQueries, withoutData } from '../../infra/panel-data.ts';
import { type Check, createCases, missingCases } from './checks.ts';
import { sentinelChecks } from './sentinel-checks.ts';
import { type Cluster, login, withPrometheus } from './stack.ts';

const admin = 'admin@example.test';

/** Backup, loss of everything, restore. */
const backupAndRestore: Check = {
  name: 'backup and restore: what was copied is there again',
  unless: (settings) =>
    settings.redis.backup.enabled && settings.redis.mode !== 'external' ? undefined : 'there is no backup',
  async run(cluster) {
    const token = await login(cluster, admin);
    const kept = await createCases(cluster, token, 5);
    const file = await takeBackup(cluster);
    await panelHasData(cluster, 'Backup age');
    const later = await createCases(cluster, token, 3);
    await restore(cluster.kubectl, cluster.settings, file);
    await until(
      'cases answer again',
      180,
      async () => (await (await cluster.client()).call('GET', '/api/v1/cases', { token })).status === 200,
    );
    const missing = await missingCases(cluster, token, kept);
    if (missing > 0) throw new Error(`${missing} of ${kept.length} copied cases are gone`);
    const beyond = later.length - (await missingCases(cluster, token, later));
    if (beyond > 0)
      throw new Error(`${beyond} cases that were not in the copy are there: nothing was restored`);
    return `${file}: ${kept.length} of ${kept.length} copied cases are back, the ${later.length} younger ones are not; the panel Backup age has data`;
  },
};

/** Waits until every query of a panel has data: one that awaits an event is seen after it. */
async function panelHasData({ kubectl, settings }: Cluster, title: string): Promise<void> {
  const queries = panelQueries(settings.environment).filter(({ place }) => place.endsWith(`panel ${title}`));
  const missing = await withPrometheus(kubectl, ({ query }) =>
    withoutData(queries, async (expression) => (await query(expression)).length, 90_000),
  );
  if (queries.length === 0 || missing.length > 0)
    throw new Error(`${title}: ${listed(missing) || 'no panel'}`);
}

/** Runs the backup job now, and gives the newest copy's name. */
export async function takeBackup({ kubectl }: Cluster): Promise<string> {
  const job = `redis-backup-${Date.now().toString(36)}`;
  await kubectl.run(['create', 'job', job, '--from=cronjob/redis-backup']);
  await kubectl.run(['wait', '--for=condition=Complete', `job/${job}`, '--timeout=120s']);
  const [, file] = (await kubectl.run(['logs', `job/${job}`])).match(/copied \S+ to \/backup\/(\S+)/) ?? [];
  if (!file) throw new Error(`${job} did not say what it wrote`);
  await kubectl.run(['delete', 'job', job, '--wait=false']);
  return file;
}

/** Checks of what is stored, after those of {@link Check} that only look. */
export const dataChecks: readonly Check[] = [backupAndRestore, ...sentinelChecks];
