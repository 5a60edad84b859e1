import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Client } from '../../infra/cluster/client.ts';
import { type Load, startLoad, statuses } from './load.ts';
import { type Cluster, login } from './stack.ts';

const workers = ['admin@example.test', 'anna@example.test', 'ben@example.test'];
/** Of all of them: 40 a minute each, below the 50 of 100 that one of two replicas admits while Redis is slow to answer. */
const requestsPerSecond = 2;
/** What came before must not use up their limits: a window later it is forgotten. */
const windowMs = 60_000;
/** A fifth of a token's life. */
const renewAfterMs = 120_000;

/** Users at work, while something is changed under them. */
export interface Work {
  /** Ends it. @returns what was seen, in words @throws Error when a request failed */
  stop(): Promise<string>;
}

/**
 * Users who read and write cases at a fixed rate, log in again every two minutes, and a stranger who opens a connection a
 * second: nobody may notice what happens meanwhile.
 */
export async function startWork(cluster: Cluster): Promise<Work> {
  await sleep(windowMs);
  const client = await cluster.client();
  const tokens = new Map<string, string>();
  const logIn = async () => {
    for (const worker of workers) tokens.set(worker, await login(cluster, worker));
  };
  await logIn();
  const logins = { failed: '' };
  const renewing = setInterval(() => {
    logIn().catch((error: Error) => {
      logins.failed = error.message;
    });
  }, renewAfterMs);
  const cases = new Map<string, string>();
  const work = startLoad(client, requestsPerSecond, async (to, index) => {
    const worker = workers[index % workers.length] as string;
    return task(to, Math.floor(index / workers.length), tokens.get(worker) ?? '', {
      get: () => cases.get(worker),
      set: (id) => cases.set(worker, id),
    });
  });
  const visits = startLoad(client, 1, (to) =>
    to.call('GET', '/health', { headers: { connection: 'close' } }),
  );
  // What is sent before the first answers is work, too.
  await sleep(2_000);
  return {
    async stop() {
      clearInterval(renewing);
      const loads = [await work.stop(), await visits.stop()];
      if (logins.failed) throw new Error(logins.failed);
      refuseFailures(loads);
      const [worked, visited] = loads.map(({ answers }) => answers.length);
      return `${worked} requests of users at work and ${visited} new connections, 0 failed`;
    },
  };
}

/** One request: a case made, read, listed, and who one is, in turn. */
async function task(
  client: Client,
  round: number,
  token: string,
  last: { get(): string | undefined; set(id: string): void },
): Promise<Answer> {
  switch (round % 4) {
    case 0: {
      const answer = await client.call('POST', '/api/v1/cases', { token, json: { title: `work ${round}` } });
      if (answer.status === 201) last.set((JSON.parse(answer.body) as { id: string }).id);
      return answer;
    }
    case 1: {
      const id = last.get();
      return client.call('GET', id ? `/api/v1/cases/${id}` : '/api/v1/cases', { token });
    }
    case 2:
      return client.call('GET', '/api/v1/cases', { token });
    default:
      return client.call('GET', '/api/v1/auth/me', { token });
  }
}

function refuseFailures(loads: readonly Load[]): void {
  const bad = loads.flatMap(({ answers }) => answers.filter(({ wrong }) => wrong));
  if (bad.length === 0) return;
  const first = bad
    .slice(0, 5)
    .map(({ at, status, body }) => `${new Date(at).toISOString()} ${status} ${body}`)
    .join('; ');
  throw new Error(`${bad.length} requests failed, ${JSON.stringify(statuses({ answers: bad }))}: ${first}`);
}
