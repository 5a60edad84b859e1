import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { addressOf, type Peer } from './wire.ts';

/** Answers by status; `none` counts requests without one. */
export type Statuses = Record<string, number>;

/** Milliseconds between two logins of an attacker. */
const pause = 1_000;
/** Of the attackers' process: elsewhere they would not take the cores of the service, nor of those who are measured. */
const niceness = 10;

/** An attack that goes on until it is stopped. */
export interface Attack {
  /** Ends it, and says how its logins were answered. */
  stop(): Promise<Statuses>;
}

/** What the attackers' process is told; a URL does not survive the way there. */
interface Plan extends Omit<Peer, 'url'> {
  readonly url: string;
  readonly parallel: number;
}

/**
 * Logs in with wrong passwords, `parallel` attackers at once, each again a second after its answer: over a connection that
 * is there already, from an address and for an account of its own, so that only what protects the whole can stop them. In
 * a process of its own, so that who measures the others is not busy with attacking.
 * @throws Error when the attackers cannot connect
 */
export async function floodLogins(peer: Peer, parallel: number): Promise<Attack> {
  const attackers = fork(fileURLToPath(import.meta.url));
  const told = async () => {
    const answer = await Promise.race([once(attackers, 'message'), once(attackers, 'exit')]);
    if (typeof answer[0] !== 'object') throw new Error('the attackers ended before their attack did');
    return answer[0] as Statuses;
  };
  const begun = told();
  attackers.send({ ...peer, url: peer.url.href, parallel } satisfies Plan);
  await begun;
  return {
    stop: () => {
      attackers.send('stop');
      return told();
    },
  };
}

/** @param tell called with nothing when all are connected, and with how they were answered in the end */
async function attack(
  { parallel, ...plan }: Plan,
  stop: Promise<unknown>,
  tell: (statuses: Statuses) => void,
) {
  const statuses: Statuses = {};
  const peer: Peer = { ...plan, url: new URL(plan.url) };
  const attackers = Array.from({ length: parallel }, (_, n) => attacker(peer, n));
  for (const { connect } of attackers) await connect();
  let stopped = false;
  stop.then(() => {
    stopped = true;
  });
  tell({});
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
  tell(statuses);
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
  const credentials = { email: `nobody-${process.pid}-${n}@example.test`, password: `not the password ${n}` };
  return {
    connect: () => ask('GET', '/health'),
    logIn: () => ask('POST', '/api/v1/auth/login', credentials),
    close: () => dispatcher.close(),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setPriority(niceness);
  process.once('disconnect', () => process.exit());
  const [plan] = await once(process, 'message');
  await attack(plan, once(process, 'message'), (statuses) => process.send?.(statuses));
  process.disconnect();
}
