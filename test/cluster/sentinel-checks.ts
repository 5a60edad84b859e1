import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../infra/cluster/client.ts';
import { until } from '../../infra/cluster/until.ts';
import type { Settings } from '../../infra/settings/index.ts';
import { type Check, killRedis, missingCases } from './checks.ts';
import { type Load, longestOutage, startLoad, statuses } from './load.ts';
import { type Cluster, login } from './stack.ts';

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
  unless: otherMode,
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
      // Five reads a second tell an outage's length; with the writes they stay below the user's limit for the time they take.
      const use = startUse(client, token, { writes: 1.2, reads: 5 });
      await sleep(2_000);
      const before = await primary(cluster);
      const killed = Date.now();
      await killRedis(cluster, before);
      await sleep(10_000);
      const after = await primary(cluster);
      const { written, reads } = await use.stop();
      if (after === before) throw new Error(`try ${count}: ${before} is the primary still: no failover`);
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

/** What an upgrade of Redis does, or any change of its pods. */
const rollingUpdate: Check = {
  name: `Sentinel: every Redis restarted in turn, ≤ ${outageMilliseconds / 1000} s of 503 on data at a stretch, no 500, no acknowledged write lost, limits go on`,
  unless: otherMode,
  async run(cluster) {
    const token = await login(cluster, admin);
    await sleep(betweenMilliseconds);
    await replicasInSync(cluster);
    // However long it takes, below the 100 a minute of one user.
    const use = startUse(await cluster.client(), token, { writes: 0.8, reads: 0.8 });
    await sleep(2_000);
    await cluster.kubectl.run(['rollout', 'restart', 'statefulset/redis']);
    await cluster.kubectl.run(['rollout', 'status', 'statefulset/redis', '--timeout=600s']);
    await replicasInSync(cluster);
    await sleep(5_000);
    const { written, writes, reads } = await use.stop();
    const [write, read] = [longestOutage(writes), longestOutage(reads)];
    if (Math.max(write, read) > outageMilliseconds)
      throw new Error(
        `writes failed for ${write} ms at a stretch, reads for ${read}: ${JSON.stringify({ writes: statuses(writes), reads: statuses(reads) })}`,
      );
    const lost = await missingCases(
      cluster,
      token,
      written.map(({ id }) => id),
    );
    if (lost > 0) throw new Error(`${lost} of ${written.length} acknowledged writes are lost`);
    return `writes failed for ${write} ms at a stretch, reads for ${read}; 0 × 500; the limiter answered every request; 0 of ${written.length} acknowledged writes lost`;
  },
};

function otherMode({ redis }: Settings): string | undefined {
  return redis.mode === 'sentinel' ? undefined : `redis.mode is ${redis.mode}`;
}

interface Written {
  readonly id: string;
  /** When it was acknowledged, milliseconds. */
  readonly at: number;
}

/**
 * A user who writes and reads, each at a fixed rate per second, beside requests that need the limiter alone.
 * `stop` throws when any of them got a 500, or one of the latter anything but 2xx.
 */
function startUse(
  client: Client,
  token: string,
  rates: { readonly writes: number; readonly reads: number },
): { stop(): Promise<{ written: readonly Written[]; writes: Load; reads: Load }> } {
  const written: Written[] = [];
  const writing = startLoad(client, rates.writes, async (to, index) => {
    const json = { title: `write ${index}` };
    const answer = await to.call('POST', '/api/v1/cases', { token, json, timeout: 5_000 });
    if (answer.status === 201)
      written.push({ id: (JSON.parse(answer.body) as { id: string }).id, at: Date.now() });
    return answer;
  });
  const limiting = startLoad(client, 10, (to) => to.call('GET', '/health', { timeout: 2_000 }));
  const reading = startLoad(
    client,
    rates.reads,
    (to) => to.call('GET', '/api/v1/auth/me', { token, timeout: 2_000 }),
    ({ status }) => status === 503 || status === 0,
  );
  return {
    async stop() {
      const [writes, limits, reads] = [await writing.stop(), await limiting.stop(), await reading.stop()];
      for (const [kind, load] of Object.entries({ writes, limits, reads }))
        if (load.answers.some(({ status }) => status === 500))
          throw new Error(`${kind} got ${JSON.stringify(statuses(load))}`);
      if (limits.answers.some(({ wrong }) => wrong))
        throw new Error(`the limiter stopped answering: ${JSON.stringify(statuses(limits))}`);
      return { written, writes, reads };
    },
  };
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

/** Checks of what only Sentinels do. */
export const sentinelChecks: readonly Check[] = [rollingUpdate, failover];
