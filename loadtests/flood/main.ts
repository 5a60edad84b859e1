import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inWords } from '../load/send.ts';
import { sessions } from '../runner/accounts.ts';
import { type Client, createClient } from '../runner/client.ts';
import { findTarget, type Target } from '../runner/target.ts';
import { offlineCaseId } from '../scenarios/requests.ts';
import { handshakes, idleSockets } from './idle.ts';
import { floodLogins } from './logins.ts';
import { others } from './others.ts';
import { slowPeers, tolerance } from './slow.ts';
import type { Peer } from './wire.ts';

const usage = `npm run test:flood [-- --write]

What the first replica of the local stack does under peers that misbehave: 10,000 sockets that say nothing, 200 attackers that log
in each second, and peers that send and read byte by byte. Some 3 minutes, on a machine that does nothing else.

  --write   keep the result in docs/evidence/flood.json, not only in reports/flood.json

Exit: 0 holds, 1 does not, 2 could not check.`;

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Sockets that say nothing. */
const idleWanted = 10_000;
/** The most that a listener keeps open, where memory sets no lower bound (app/src/http/memory.ts). */
const mostConnections = 4_096;
/** Attackers that log in at once, each again a second after its answer. */
const parallelLogins = 200;
/** How much slower the others may become, at the 99th of a hundred. */
const slowdown = 2;
/** The traffic of the others: users, and requests per second of all. */
const traffic = { users: 26, rate: 50, seconds: 15 };

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

  const work = () => others(client, tokens, traffic.rate, traffic.seconds);
  const before = await work();
  const attack = await floodLogins(peer, parallelLogins);
  const under = await work();
  const statuses = await attack.stop();
  verdict(
    under.p99 <= slowdown * before.p99 && under.failed === 0,
    `${parallelLogins} attackers, a login a second each: p99 of others ${before.p99.toFixed(1)} ms, then ` +
      `${under.p99.toFixed(1)} ms (at most ${slowdown} times), ${under.failed} of ${under.sent} failed`,
  );
  const wrong = Object.keys(statuses).filter((status) => !['401', '429', '503'].includes(status));
  verdict(wrong.length === 0, `the logins were answered ${inWords(statuses)}`);

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
    date: new Date().toISOString().slice(0, 10),
    expects: 'sockets bounded, the others served, slow peers cut in time',
    passed: findings.length === 0,
    summary: seen.join('; '),
    findings,
    accepted: [],
  };
  const text = `${JSON.stringify(evidence, null, 2)}\n`;
  mkdirSync(join(root, 'reports'), { recursive: true });
  writeFileSync(join(root, 'reports/flood.json'), text);
  if (write) writeFileSync(join(root, 'docs/evidence/flood.json'), text);
  return evidence.passed ? 0 : 1;
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
