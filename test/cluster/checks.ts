import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Answer } from '../../infra/cluster/client.ts';
import { probeNetwork } from '../../infra/cluster/probe-network.ts';
import { until } from '../../infra/cluster/until.ts';
import { execFile } from '../../infra/programs/child-process.ts';
import type { Settings } from '../../infra/settings/index.ts';
import { startLoad, statuses } from './load.ts';
import { type Cluster, login } from './stack.ts';
import { startWork } from './work.ts';

/** A check of a running environment: a sentence of what was seen, or an Error with what was not. */
export interface Check {
  readonly name: string;
  /** Only where the settings have it; the reason it is left out otherwise. */
  readonly unless?: (settings: Settings) => string | undefined;
  readonly run: (cluster: Cluster) => Promise<string>;
}

const caseworker = 'anna@example.test';
const other = 'ben@example.test';
const admin = 'admin@example.test';

/** Every pod is Ready, and the namespace refuses what is not restricted. */
const ready: Check = {
  name: 'every pod is ready under restricted',
  async run({ kubectl }) {
    const pods = await until('pods ready', 300, async () => {
      const { items } = await kubectl.json<{ items: Pod[] }>('get', 'pods');
      const waiting = items.filter(({ status }) => status.phase !== 'Succeeded' && !isReady(status));
      if (waiting.length > 0) throw new Error(waiting.map(({ metadata }) => metadata.name).join(', '));
      return items.length > 0 && items;
    });
    const refused = await kubectl
      .run(['run', 'rooted', '--image=busybox', '--dry-run=server', '--restart=Never'])
      .then(
        () => '',
        (error: Error) => error.message,
      );
    if (!refused.includes('violates PodSecurity "restricted'))
      throw new Error(`a plain pod was not refused: ${refused}`);
    return `${pods.length} pods ready; a plain pod is refused`;
  },
};

/** The main job as a user does it. */
const mainJob: Check = {
  name: 'login, 100 answers, then 429, over all replicas',
  async run(cluster) {
    const client = await cluster.client();
    const token = await login(cluster, caseworker);
    const seen: number[] = [];
    for (let index = 0; index < 105; index++)
      seen.push((await client.call('GET', '/api/v1/cases', { token })).status);
    const admitted = seen.indexOf(429);
    if (seen.slice(0, admitted).some((status) => status !== 200))
      throw new Error(`not all 200: ${seen.join(' ')}`);
    if (admitted !== 100) throw new Error(`429 after ${admitted} answers, expected 100`);
    const denied = await client.call('GET', '/api/v1/cases', { token });
    if (!denied.headers['retry-after']) throw new Error('429 without Retry-After');
    const unharmed = await client.call('GET', '/api/v1/cases', { token: await login(cluster, other) });
    if (unharmed.status !== 200) throw new Error(`another user got ${unharmed.status}`);
    return `100 × 200, then 429 with Retry-After ${denied.headers['retry-after']}; another user is not affected`;
  },
};

/** Headers and refusals of the edge. */
const edgeAnswers: Check = {
  name: 'the edge: headers on every answer, no plain listener, unknown paths and hosts',
  async run(cluster) {
    const client = await cluster.client();
    for (const [path, status, host] of [
      ['/health', 200, undefined],
      ['/nothing/there', 404, undefined],
      ['/', 404, 'elsewhere.example'],
      ['/metrics', 404, undefined],
    ] as const) {
      const answer = await client.call('GET', path, host ? { headers: { host } } : {});
      if (answer.status !== status)
        throw new Error(`${host ?? ''}${path}: ${answer.status}, expected ${status}`);
      mustHaveHeaders(answer, `${host ?? ''}${path}`);
    }
    const { spec } = await cluster.kubectl.json<{ spec: { ports: { port: number }[] } }>(
      'get',
      'service',
      'edge',
    );
    if (spec.ports.some(({ port }) => port !== 443))
      throw new Error(`the edge listens on ${JSON.stringify(spec.ports)}`);
    return 'HSTS and CSP on 200 and 404; one port, 443; metrics are not routed';
  },
};

/** The edge's own limit of bodies, before the service's. */
const bodyLimit: Check = {
  name: 'the edge: a body over edge.maxBodyKib is refused there, one below it by the service, another host as ever',
  unless: (settings) =>
    settings.edge.controller === 'traefik' ? undefined : 'the controller is not ours, nor is its limit',
  async run(cluster) {
    const client = await cluster.client();
    const limit = cluster.settings.edge.maxBodyKib * 1_024;
    const send = async (bytes: number, status: number, host?: string) => {
      const answer = await client.call('POST', '/api/v1/auth/login', {
        json: { email: 'nobody@example.com', password: 'a'.repeat(bytes) },
        ...(host ? { headers: { host } } : {}),
      });
      if (answer.status !== status)
        throw new Error(`${host ?? ''} ${bytes} bytes: ${answer.status}, expected ${status}`);
      mustHaveHeaders(answer, `${bytes} bytes`);
      return String(answer.headers['content-type']);
    };
    const own = await send(limit, 413);
    if (own.includes('json')) throw new Error('the edge passed the body on: the service answered');
    const below = await send(limit - 1_024, 413);
    if (!below.includes('problem+json')) throw new Error('the edge refused a body below its limit');
    await send(1_024, 404, 'elsewhere.example');
    return `413 of the edge above ${limit} bytes, with HSTS and CSP; below it the service decides`;
  },
};

/** Nothing behind the edge: its own answer has the headers, too. */
const serviceAway: Check = {
  name: 'the edge without the service: 502 to 504, with the headers',
  unless: (settings) => (settings.app.autoscaling ? 'the autoscaler owns the replicas' : undefined),
  async run(cluster) {
    const { kubectl, settings } = cluster;
    const scale = (replicas: number) =>
      kubectl.run(['scale', 'deployment/case-service', `--replicas=${replicas}`]);
    await scale(0);
    try {
      const answer = await until('the answer of the edge itself', 90, async () => {
        const one = await (await cluster.client()).call('GET', '/health');
        return one.status >= 502 && one.status <= 504 && one;
      });
      mustHaveHeaders(answer, `${answer.status}`);
      return `${answer.status} with HSTS and CSP`;
    } finally {
      await scale(settings.app.replicas);
      await ready.run(cluster);
    }
  },
};

function mustHaveHeaders({ headers }: Answer, what: string): void {
  for (const header of ['strict-transport-security', 'content-security-policy', 'x-content-type-options'])
    if (!headers[header]) throw new Error(`${what}: no ${header}`);
}

const network: Check = {
  name: 'the connection matrix, tried pod by pod',
  async run({ kubectl, settings }) {
    const { status, lines, unjudged, tried } = await probeNetwork(kubectl, settings);
    if (status !== 'enforced') throw new Error(`${status}: ${lines.join('; ')}`);
    const judged = tried - unjudged.length;
    return `${judged} connections tried, each as declared${unjudged.length > 0 ? `; ${unjudged.join(', ')}` : ''}`;
  },
};

/** A pod of the service dies: the other answers, a new one comes. */
const podKilled: Check = {
  name: 'an app pod killed: it comes back by itself',
  async run(cluster) {
    const client = await cluster.client();
    const { items } = await cluster.kubectl.json<{ items: Pod[] }>(
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/name=case-service',
    );
    const victim = items[0]?.metadata.name ?? '';
    const load = startLoad(client, 10, (to) => to.call('GET', '/health'));
    await cluster.kubectl.run(['delete', 'pod', victim, '--grace-period=0', '--force']);
    await ready.run(cluster);
    const result = await load.stop();
    return `${victim} killed; ${JSON.stringify(statuses(result))}, disturbed for ${result.disturbed} ms; all pods ready again`;
  },
};

/** The single Redis dies: what was acknowledged more than a second before is still there. */
const redisKilled: Check = {
  name: 'Redis killed: it comes back by itself, with every case older than a second',
  unless: (settings) =>
    settings.redis.mode === 'single' ? undefined : `redis.mode is ${settings.redis.mode}`,
  async run(cluster) {
    const token = await login(cluster, admin);
    const before = await createCases(cluster, token, 20);
    await sleep(1500);
    await killRedis(cluster, 'redis-0');
    await until(
      'cases answer again',
      120,
      async () =>
        (await (await cluster.client()).call('GET', `/api/v1/cases/${before[0]}`, { token })).status === 200,
    );
    const lost = await missingCases(cluster, token, before);
    if (lost > 0) throw new Error(`${lost} of ${before.length} cases are gone`);
    return `${before.length} of ${before.length} cases are there after a kill -9`;
  },
};

/** A rolling restart at a fixed rate loses nothing. */
const rolling: Check = {
  name: 'a rolling restart of the service under load: no answer but 2xx',
  async run(cluster) {
    const client = await cluster.client();
    const work = await startWork(cluster);
    const load = startLoad(client, 20, (to) => to.call('GET', '/health'));
    await sleep(1000);
    await cluster.kubectl.run(['rollout', 'restart', 'deployment/case-service']);
    await cluster.kubectl.run(['rollout', 'status', 'deployment/case-service', '--timeout=240s']);
    await sleep(3000);
    const result = await load.stop();
    const bad = result.answers.filter(({ wrong }) => wrong);
    if (bad.length > 0)
      throw new Error(
        `${bad.length} of ${result.answers.length}: ${bad
          .slice(0, 3)
          .map(({ status, body }) => `${status} ${body}`)
          .join('; ')}`,
      );
    return `${result.answers.length} answers, all 2xx; ${await work.stop()}`;
  },
};

/** Creates cases one by one, as fast as the user's limit lets it, and gives the ids that were acknowledged. */
export async function createCases(cluster: Cluster, token: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const answer = await (await cluster.client()).call('POST', '/api/v1/cases', {
      token,
      json: { title: `case ${ids.length}` },
    });
    if (answer.status === 201) ids.push((JSON.parse(answer.body) as { id: string }).id);
    else if (answer.status === 429) await sleep(Number(answer.headers['retry-after']) * 1_000);
    else
      throw new Error(`only ${ids.length} of ${count} cases were created: ${answer.status} ${answer.body}`);
  }
  return ids;
}

/** How many of the cases are not there; an answer that is neither 200 nor 404 is waited out, on either replica. */
export async function missingCases(cluster: Cluster, token: string, ids: readonly string[]): Promise<number> {
  let missing = 0;
  for (const id of ids) {
    const status = await until(`an answer for case ${id}`, 90, async () => {
      const answer = await (await cluster.client()).call('GET', `/api/v1/cases/${id}`, { token });
      return (answer.status === 200 || answer.status === 404) && answer.status;
    });
    if (status === 404) missing += 1;
  }
  return missing;
}

/**
 * Kills a Redis pod. Deleted without grace it may still run its preStop hook for a second or two; the command that
 * `--crash` names kills its server as a crash does; then the kubelet waits before it starts it anew, twice as long each time, up
 * to five minutes, so that ten failovers take half an hour.
 */
export async function killRedis({ kubectl, crash }: Cluster, pod: string): Promise<void> {
  if (crash === undefined) await kubectl.run(['delete', 'pod', pod, '--grace-period=0', '--force']);
  else await promisify(execFile)(crash, [kubectl.namespace, pod, 'redis']);
}

/** The checks that every environment passes, in order. */
export const checks: readonly Check[] = [
  ready,
  mainJob,
  edgeAnswers,
  bodyLimit,
  serviceAway,
  network,
  podKilled,
  redisKilled,
  rolling,
];

function isReady({ conditions = [] }: Pod['status']): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly phase: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}
