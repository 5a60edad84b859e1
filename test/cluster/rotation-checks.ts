import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { ports } from '../../contract/ports.ts';
import { reseal } from '../../infra/cluster/reseal.ts';
import { until } from '../../infra/cluster/until.ts';
import type { Fresh } from '../../infra/render/fresh.ts';
import { redisHosts } from '../../infra/settings/service-environment.ts';
import { type Check, createCases, killRedis, missingCases } from './checks.ts';
import { takeBackup } from './data-checks.ts';
import { primary } from './sentinel-checks.ts';
import { type Cluster, login, materialFile, withPrometheus } from './stack.ts';
import { startWork } from './work.ts';

const admin = 'admin@example.test';
/** What docs/operations.md says to wait between two steps: the kubelet looks at Secrets every 60 to 90 seconds. */
const betweenStepsMs = 120_000;
/** A token lives so long: until then the key that signed it must be accepted. */
const tokenLifeMs = 600_000;

const old = '2026-11-01';
const next = '2027-02-01';

/** The three steps of docs/operations.md for one kind of secret. */
function steps(kind: 'tokenKeys' | 'redisPasswords' | 'dataKeys'): readonly [string[], string[], string[]] {
  const accepted = (ids: readonly string[]) => `secrets.${kind}.accepted=${JSON.stringify(ids)}`;
  const active = (id: string) => `secrets.${kind}.active=${id}`;
  return [
    [accepted([old, next]), active(old)],
    [accepted([old, next]), active(next)],
    [accepted([next]), active(next)],
  ];
}

const tokenKeys: Check = {
  name: 'rotation of the token keys under load: no failed request',
  async run(cluster) {
    const before = keyOf(await login(cluster, admin));
    const work = await startWork(cluster);
    const [accept, use, refuse] = steps('tokenKeys');
    await step(cluster, accept);
    await step(cluster, use);
    const after = keyOf(await login(cluster, admin));
    if (before !== old || after !== next) throw new Error(`tokens are signed by ${before}, then ${after}`);
    await sleep(tokenLifeMs - betweenStepsMs);
    await step(cluster, refuse);
    return `signed by ${before}, then ${after}; ${await work.stop()}`;
  },
};

const redisPasswords: Check = {
  name: 'rotation of the Redis passwords under load: no failed request, the old ones are refused',
  async run(cluster) {
    const { kubectl, settings } = cluster;
    const work = await startWork(cluster);
    for (const changes of steps('redisPasswords')) await step(cluster, changes);
    const seen = await work.stop();
    const answer = async (generation: string) =>
      kubectl.run(
        ['exec', '--stdin', 'redis-0', '--container', 'redis', '--', 'sh', '-c', ping],
        `${cluster.material.values[`password/redis/case-data/${generation}`]}\n`,
      );
    const [withOld, withNew] = [await answer(old), await answer(next)];
    if (!withOld.includes('WRONGPASS') || !withNew.includes('PONG'))
      throw new Error(`the old password: ${withOld}; the new one: ${withNew}`);
    const exporter = await exporterFollows(cluster);
    const copy = await takeBackup(cluster);
    // Whoever connects anew must know the new one: everybody does when the server dies.
    const ids = await createCases(cluster, await login(cluster, admin), 3);
    await sleep(2_000);
    await killRedis(cluster, settings.redis.mode === 'sentinel' ? await primary(cluster) : 'redis-0');
    const lost = await missingCases(cluster, await login(cluster, admin), ids);
    if (lost > 0) throw new Error(`${lost} of ${ids.length} cases are gone`);
    return `the old password is refused; ${exporter}; the backup (${copy}) uses the new one, and so does the service after a kill of Redis; ${seen}`;
  },
};

const dataKeys: Check = {
  name: 'rotation of the data key under load: no failed request, every case is readable and sealed anew',
  async run(cluster) {
    const token = await login(cluster, admin);
    const ids = await createCases(cluster, token, 20);
    const work = await startWork(cluster);
    const [accept, use, refuse] = steps('dataKeys');
    await step(cluster, accept);
    await step(cluster, use);
    const said = await reseal(cluster.kubectl);
    await step(cluster, refuse);
    const seen = await work.stop();
    const lost = await missingCases(cluster, await login(cluster, admin), ids);
    if (lost > 0) throw new Error(`${lost} of ${ids.length} cases cannot be read`);
    return `${said} ${ids.length} older cases are readable; ${seen}`;
  },
};

const certificates: Check = {
  name: 'rotation of every TLS certificate under load: no failed request, the new ones are served',
  async run(cluster) {
    const work = await startWork(cluster);
    const before = await servedAtEdge(cluster);
    forgetCertificates(cluster);
    await step(cluster, []);
    const after = await servedAtEdge(cluster);
    const redis = await redisServesNewOne(cluster);
    const seen = await work.stop();
    if (before === after) throw new Error(`the edge still serves certificate ${before}`);
    const up = await until('every target up', 90, () => targetsUp(cluster));
    return `the edge serves ${after} instead of ${before}, and ${redis}; ${up} targets are up; ${seen}`;
  },
};

/** Brings a change up, and waits as long as the guide says. */
async function step(cluster: Cluster, changes: readonly string[]): Promise<void> {
  await cluster.change(changes);
  await sleep(betweenStepsMs);
}

/** An exporter that can read its password file again has done so; an older one says so by its answer. */
async function exporterFollows({ kubectl }: Cluster): Promise<string> {
  const forward = await kubectl.forward('pod/redis-0', ports.exporter);
  try {
    const answer = await (await fetch(`http://127.0.0.1:${forward.port}/-/reload`)).text();
    if (answer !== 'ok')
      return 'NOT SEEN: the exporter of this cluster is too old to read its password again';
  } finally {
    forward.close();
  }
  await until('the exporter reads Redis', 90, () =>
    withPrometheus(kubectl, async ({ query }) => (await query('min(redis_up)'))[0]?.points[0]?.[1] === 1),
  );
  return 'the exporter uses the new one';
}

/** Logs in to Redis with the password that comes on standard input. */
const ping =
  'read -r password; REDISCLI_AUTH="$password" redis-cli --no-auth-warning --tls --cacert /run/tls/ca.crt --user case-data ping 2>&1';

/** Id of the key that signed a token. */
function keyOf(token: string): string {
  const [header = ''] = token.split('.');
  return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid;
}

/** Serial number of the certificate that an address serves. */
function servedAt(host: string, port: number, servername: string): Promise<string> {
  // Who signed it is not the question here.
  const socket = connect({ host, port, servername, rejectUnauthorized: false });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      resolve(serialNumber);
    });
  });
}

async function servedAtEdge({ address, settings }: Cluster): Promise<string> {
  const { address: host, port } = await address();
  return servedAt(host, port, settings.edge.host);
}

/** Every Redis and every Sentinel serves the certificate of the Secret. */
async function redisServesNewOne({ kubectl, material, settings }: Cluster): Promise<string> {
  const wanted = new X509Certificate(material.certificates['redis-tls']?.crt ?? '').serialNumber;
  const all = redisHosts(settings).flatMap((host) =>
    (settings.redis.mode === 'sentinel' ? [ports.redis, ports.sentinel] : [ports.redis]).map((port) => ({
      pod: host.split('.')[0] as string,
      port,
    })),
  );
  for (const { pod, port } of all)
    await until(`${pod}:${port} serves its new certificate`, 180, async () => {
      const forward = await kubectl.forward(`pod/${pod}`, port);
      try {
        return (await servedAt('127.0.0.1', forward.port, 'localhost')) === wanted;
      } finally {
        forward.close();
      }
    });
  return `${all.length} ports of Redis do`;
}

/** As when they are near their end: the next time they are issued anew, by the same authority. */
function forgetCertificates({ folder, settings }: Cluster): void {
  const file = materialFile(folder, settings.environment);
  const { values, certificates } = JSON.parse(readFileSync(file, 'utf8')) as Fresh;
  const { authority } = certificates;
  writeFileSync(file, JSON.stringify({ values, certificates: { authority } }), { mode: 0o600 });
}

const targetsUp = ({ kubectl }: Cluster): Promise<number | undefined> =>
  withPrometheus(kubectl, async ({ query }) => {
    const down = await query('up == 0');
    return down.length > 0 ? undefined : (await query('up')).length;
  });

/** Drills of docs/operations.md; each takes minutes, since it waits as an operator does. */
export const rotationChecks: readonly Check[] = [certificates, redisPasswords, dataKeys, tokenKeys];
