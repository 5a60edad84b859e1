import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { keepEvidence } from '../../infra/evidence.ts';
import { inWords } from '../load/send.ts';
import { sessions } from '../runner/accounts.ts';
import { type Client, createClient } from '../runner/client.ts';
import { findTarget, type Target } from '../runner/target.ts';
import { offlineCaseId } from '../scenarios/requests.ts';
import { handshakes, idleSockets } from './idle.ts';
import { floodLogins, type Statuses } from './logins.ts';
import { others, type Service } from './others.ts';
import { slowPeers, tolerance } from './slow.ts';
import type { Peer } from './wire.ts';

const usage = `npm run test:flood [-- --write]

What the first replica of the local stack does under peers that misbehave: 10,000 sockets that say nothing, 200 attackers that log
in each second, and peers that send and read byte by byte. Some 8 minutes, on a machine that does nothing else.

  --write   keep the result in docs/evidence/flood.json

Exit: 0 holds, 1 does not, 2 could not check.`;

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Sockets that say nothing. */
const idleWanted = 10_000;
/** The most that a listener keeps open, where memory sets no lower bound (app/src/http/memory.ts). */
const mostConnections = 4_096;
/** Attackers that log in at once, each again a second after its answer; how often, and the seconds between two attacks. */
const logins = { parallel: 200, rounds: 5, rest: 40 };
/** How much slower the others may become, at the 99th of a hundred: the median of the rounds. */
const slowdown = 2;
/** The traffic of the others: users, requests per second of all, and for how many seconds. */
const traffic = { users: 26, rate: 50, warmUp: 5, seconds: 15 };

try {
  const { values } = parseArgs({
    options: { write: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) console.log(usage);
  else process.exitCode = await flood(values.write);
} catch (error) {
  console.error(`test:flood: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}

async function flood(write: boolean): Promise<number> {
  const target = findTarget({});
  const base = target.urls[0] as string;
  const peer: Peer = {
    url: new URL(base),
    ...(target.ca === null ? {} : { ca: readFileSync(target.ca, 'utf8') }),
  };
  const client = createClient(base, target.ca);
  const tokens = await sessions(root, target, traffic.users);
  const findings: string[] = [];
  const seen: string[] = [];
  const verdict = (ok: boolean, text: string) => {
    console.log(`  ${ok ? 'ok  ' : 'FAIL'} ${text}`);
    (ok ? seen : findings).push(text);
  };

  const rounds = await floodRounds(peer, (seconds) => others(client, tokens, traffic.rate, seconds));
  const ratios = rounds.map(({ before, under }) => under.p99 / before.p99);
  const failed = rounds.reduce((sum, { under }) => sum + under.failed, 0);
  verdict(
    middle(ratios) <= slowdown && failed === 0,
    `${logins.parallel} attackers, a login a second each: p99 of others ${middle(ratios).toFixed(1)} times as long (median ` +
      `of ${ratios.map((ratio) => ratio.toFixed(1)).join(', ')}; at most ${slowdown}), from ` +
      `${middle(rounds.map(({ before }) => before.p99)).toFixed(1)} ms; ${failed} failed`,
  );
  for (const [n, { statuses }] of rounds.entries())
    verdict(
      Object.keys(statuses).every((status) => ['401', '429', '503'].includes(status)),
      `round ${n + 1}: the logins were answered ${inWords(statuses)}`,
    );

  const memory = await residentMegabytes(target);
  let alive = 0;
  const idle = await idleSockets(peer, idleWanted, async () => {
    alive = (await client('GET', '/health')).status;
  });
  const grown = (await residentMegabytes(target)) - memory;
  verdict(
    // The service closes one when it sees another, and this side counts both meanwhile.
    idle.most <= mostConnections + handshakes,
    `${idle.opened} sockets that say nothing: at most ${idle.most} open, ${idle.refused} refused, ${grown} MB more`,
  );
  verdict(alive === 200, `a newcomer among them was answered ${alive}`);

  await fillExport(client, tokens[0] as string);
  for (const { name, limit, seconds } of await slowPeers(peer, tokens[0] as string))
    verdict(
      seconds !== null,
      `${name}: ${seconds === null ? 'not cut' : `cut within ${seconds.toFixed(1)} s`} (limit ${limit} s, at most ${tolerance} times)`,
    );

  const evidence = {
    tool: 'npm run test:flood',
    version: `Node ${process.versions.node}, ${availableParallelism()} cores for service and peers`,
    expects: 'sockets bounded, the others served, slow peers cut in time',
    passed: findings.length === 0,
    summary: seen.join('; '),
    findings,
    accepted: [],
  };
  if (write) keepEvidence('flood', evidence);
  return evidence.passed ? 0 : 1;
}

/** How the others were served before and under an attack, and how the attackers were answered. */
interface Round {
  readonly before: Service;
  readonly under: Service;
  readonly statuses: Statuses;
}

/** Floods of logins, each when the quota of all logins is back, against a service that is warm. */
async function floodRounds(peer: Peer, work: (seconds: number) => Promise<Service>): Promise<Round[]> {
  await work(traffic.warmUp);
  const rounds: Round[] = [];
  for (let n = 0; n < logins.rounds; n++) {
    if (n > 0) await setTimeout(logins.rest * 1_000);
    const before = await work(traffic.seconds);
    const attack = await floodLogins(peer, logins.parallel);
    const under = await work(traffic.seconds);
    rounds.push({ before, under, statuses: await attack.stop() });
  }
  return rounds;
}

/** The one in the middle, of an odd number. */
function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

/** Some 12 MB of cases, so that the buffers of two sockets cannot hold an export. */
async function fillExport(client: Client, token: string): Promise<void> {
  const seed = Date.now().toString(36);
  for (let batch = 0; batch < 8; batch++) {
    const operations = Array.from({ length: 150 }, (_, n) => {
      const id = offlineCaseId(seed, batch, n);
      return { operationId: id, caseId: id, kind: 'create', title: id, description: 'x'.repeat(10_000) };
    });
    const answer = await client('POST', '/api/v1/sync', { token, body: { operations, remaining: 0 } });
    if (answer.status !== 200) throw new Error(`a sync answered ${answer.status}: ${answer.text}`);
  }
}

async function residentMegabytes({ internal, internalCa }: Target): Promise<number> {
  const { text } = await createClient(internal[0] as string, internalCa)('GET', '/metrics');
  return Math.round(Number(text.match(/^process_resident_memory_bytes (\S+)/m)?.[1]) / 1e6);
}
