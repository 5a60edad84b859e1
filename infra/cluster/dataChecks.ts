import { setTimeout as sleep } from 'node:timers/promises';
import { listed, panelQueries, withoutData } from '../panel-data.ts';
import { type Check, createCases, killRedis, missingCases } from './checks.ts';
import { startLoad, statuses } from './load.ts';
import { withPrometheus } from './prometheus.ts';
import { restore } from './restore.ts';
import { type Cluster, login } from './stack.ts';
import { until } from './until.ts';

const admin = 'admin@example.test';
const tries = 10;
/** Longest time that data may answer 503 while Sentinels fail over. */
const outageMilliseconds = 5_000;
/** Sentinels begin no failover within twice their failover-timeout, 10 s, of another attempt. */
const betweenMilliseconds = 30_000;
/** What docs/operations.md says that a failover may lose: what was acknowledged so long before. */
const lossMilliseconds = 1_000;

/** The primary dies ten times; each time another takes over. */
const failover: Check = {
  name: `Sentinel: the primary killed ${tries} times, ≤ ${outageMilliseconds / 1000} s of 503 on data, no 500, no write lost that is older than ${lossMilliseconds / 1000} s, limits go on`,
  unless: ({ settings }) =>
    settings.redis.mode === 'sentinel' ? undefined : `redis.mode is ${settings.redis.mode}`,
  async run(cluster) {
    const token = await login(cluster, admin);
    const client = await cluster.client();
    const outages: number[] = [];
    let lost = 0;
    let acknowledged = 0;
    for (let count = 0; count < tries; count++) {
      // What came before was a start or a failover, too.
      await sleep(betweenMilliseconds);
      await replicasInSync(cluster);
      const written: { id: string; at: number }[] = [];
      // Reads and writes of one user together stay below the user's limit, which must not be what answers.
      const data = startLoad(client, 1.2, async (to, index) => {
        const answer = await to.call('POST', '/api/v1/cases', {
          token,
          json: { title: `try ${count} ${index}` },
          timeout: 5_000,
        });
        if (answer.status === 201)
          written.push({ id: (JSON.parse(answer.body) as { id: string }).id, at: Date.now() });
        return answer;
      });
      const limiter = startLoad(client, 10, (to) => to.call('GET', '/health', { timeout: 2_000 }));
      const probe = startLoad(
        client,
        5,
        (to) => to.call('GET', '/api/v1/auth/me', { token, timeout: 2_000 }),
        ({ status }) => status === 503 || status === 0,
      );
      await sleep(2_000);
      const before = await primary(cluster);
      const killed = Date.now();
      await killRedis(cluster, before);
      await sleep(10_000);
      const after = await primary(cluster);
      const [writes, limits, reads] = [await data.stop(), await limiter.stop(), await probe.stop()];
      if (after === before) throw new Error(`try ${count}: ${before} is the primary still: no failover`);
      for (const [kind, load] of Object.entries({ writes, limits, reads }))
        if (load.answers.some(({ status }) => status === 500))
          throw new Error(`try ${count}: ${kind} got ${JSON.stringify(statuses(load))}`);
      const unanswered = limits.answers.filter(({ wrong }) => wrong);
      if (unanswered.length > 0)
        throw new Error(`try ${count}: the limiter stopped answering: ${JSON.stringify(statuses(limits))}`);
      if (reads.disturbed > outageMilliseconds)
        throw new Error(`try ${count}: 503 for ${reads.disturbed} ms: ${JSON.stringify(statuses(reads))}`);
      outages.push(reads.disturbed);
      acknowledged += written.length;
      for (const { id, at } of written) {
        if ((await missingCases(cluster, token, [id])) === 0) continue;
        lost += 1;
        const early = killed - at;
        if (early > lossMilliseconds || -early > outageMilliseconds)
          throw new Error(`try ${count}: a write was lost that was acknowledged ${early} ms before the kill`);
      }
    }
    return `${tries} of ${tries}: 503 for ${outages.join(', ')} ms; 0 × 500; the limiter answered every request; another primary each time; ${lost} of ${acknowledged} acknowledged writes lost`;
  },
};

/** Backup, loss of everything, restore. */
const backupAndRestore: Check = {
  name: 'backup and restore: what was copied is there again',
  unless: ({ settings }) =>
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

/** The pod that the Sentinels call primary. */
export async function primary({ kubectl, settings }: Cluster): Promise<string> {
  const ask =
    'REDISCLI_AUTH="$(cat /run/secrets/redis/sentinel-client-password)" redis-cli --no-auth-warning --tls --cacert /run/tls/ca.crt --user sentinel -p 26379 sentinel get-master-addr-by-name simple378';
  const answers = await Promise.all(
    [0, 1, 2].map((index) =>
      kubectl.run(['exec', `redis-${index}`, '-c', 'sentinel', '--', 'sh', '-c', ask]).catch(() => ''),
    ),
  );
  const hosts = new Set(answers.map((answer) => answer.split('\n')[0]).filter(Boolean));
  if (hosts.size !== 1)
    throw new Error(`Sentinels of ${settings.namespace} do not agree: ${[...hosts].join(', ')}`);
  return [...hosts][0]?.split('.')[0] as string;
}

/** Waits until all servers are ready and the primary has both replicas. */
async function replicasInSync(cluster: Cluster): Promise<void> {
  await until('two replicas in sync', 180, async () => {
    const pod = await primary(cluster);
    const ask =
      'REDISCLI_AUTH="$(cat /run/secrets/redis/sentinel-password)" redis-cli --no-auth-warning --tls --cacert /run/tls/ca.crt --user sentinel info replication';
    const info = await cluster.kubectl.run(['exec', pod, '-c', 'redis', '--', 'sh', '-c', ask]);
    return (info.match(/state=online/g) ?? []).length === 2;
  });
}

/** Checks of what is stored, after those of {@link Check} that only look. */
export const dataChecks: readonly Check[] = [backupAndRestore, failover];
