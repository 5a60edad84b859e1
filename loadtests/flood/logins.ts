import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { Agent, request } from 'undici';
import { addressOf, type Peer } from './wire.ts';

/** Answers by status; `none` counts requests without one. */
export type Statuses = Record<string, number>;

/** Milliseconds between two logins of an attacker. */
const pause = 1_000;

/** An attack that goes on until it is stopped. */
export interface Attack {
  /** Ends it, and says how its logins were answered. */
  stop(): Promise<Statuses>;
}

/** What the attackers' thread is told; a URL does not survive the way there. */
interface Plan extends Omit<Peer, 'url'> {
  readonly url: string;
  readonly parallel: number;
}

/**
 * Logs in with wrong passwords, `parallel` attackers at once, each again a second after its answer: over a connection that
 * is there already, from an address and for an account of its own, so that only what protects the whole can stop them. In
 * a thread of its own, so that who measures the others is not busy with attacking.
 */
export async function floodLogins(peer: Peer, parallel: number): Promise<Attack> {
  const plan: Plan = { ...peer, url: peer.url.href, parallel };
  const thread = new Worker(new URL(import.meta.url), { workerData: plan });
  await once(thread, 'message');
  return {
    async stop() {
      thread.postMessage('stop');
      const [statuses] = (await once(thread, 'message')) as [Statuses];
      return statuses;
    },
  };
}

async function attack({ parallel, ...plan }: Plan, port: MessagePort): Promise<void> {
  const statuses: Statuses = {};
  const peer: Peer = { ...plan, url: new URL(plan.url) };
  const attackers = Array.from({ length: parallel }, (_, n) => attacker(peer, n));
  for (const { connect } of attackers) await connect();
  let stopped = false;
  port.once('message', () => {
    stopped = true;
  });
  port.postMessage('begun');
  const attacks = attackers.map(async ({ logIn, close }, n) => {
    await setTimeout((pause * n) / parallel);
    while (!stopped) {
      const status = await logIn().catch(() => 'none');
      statuses[status] = (statuses[status] ?? 0) + 1;
      await setTimeout(pause);
    }
    await close();
  });
  await Promise.all(attacks);
  port.postMessage(statuses);
}

function attacker({ url, ca }: Peer, n: number) {
  const localAddress = addressOf(256 + n);
  const dispatcher = new Agent({
    connections: 1,
    ...(localAddress === undefined ? {} : { localAddress }),
    connect: { ...(ca === undefined ? {} : { ca }) },
  });
  const ask = async (method: 'GET' | 'POST', path: string, body?: unknown) => {
    const answer = await request(new URL(path, url), {
      dispatcher,
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    await answer.body.dump();
    return String(answer.statusCode);
  };
  const credentials = { email: `nobody-${n}@example.test`, password: `not the password ${n}` };
  return {
    connect: () => ask('GET', '/health'),
    logIn: () => ask('POST', '/api/v1/auth/login', credentials),
    close: () => dispatcher.close(),
  };
}

if (!isMainThread && parentPort !== null) await attack(workerData as Plan, parentPort);
