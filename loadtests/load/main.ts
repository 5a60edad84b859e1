import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readPoliciesFile } from '../../infra/local/policies-file.ts';
import { objective } from '../../slo/index.ts';
import { sessions } from '../runner/accounts.ts';
import { growth } from '../runner/counters.ts';
import { readCounters } from '../runner/read-counters.ts';
import { findTarget, type Target } from '../runner/target.ts';
import { noteLocal } from '../runner/verdict.ts';
import { type Probe, planLimits } from '../scenarios/limits.ts';
import { offlineCaseId, probeRequests, type Request, requests } from '../scenarios/requests.ts';
import { operationAt, profiles } from '../scenarios/traffic.ts';
import { type Connection, inWords, send, type Tally } from './send.ts';

const usage = `npm run test:load [-- --seconds N]

A bounded load on the local stack by autocannon, for machines without k6 and Docker: the personal limits, exactly,
and the traffic of \`mixed\` for a figure. Some 25 s; writes reports/load.json.

  --seconds N   how long the traffic lasts (default 15)

Exit: 0 holds, 1 does not, 2 could not check.`;

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

try {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '15' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) console.log(usage);
  else if (!/^[1-9]\d{0,2}$/.test(values.seconds)) throw new Error('--seconds takes 1 to 999');
  else process.exitCode = await load(Number(values.seconds));
} catch (error) {
  console.error(`test:load: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 2;
}

async function load(seconds: number): Promise<number> {
  const target = findTarget({});
  const { probes } = planLimits(readPoliciesFile(target.policies), 1);
  const personal = probes.filter(({ scope }) => scope === 'user');
  const { users } = profiles.mixed;
  const tokens = await sessions(root, target, users + personal.length);
  const before = await readCounters(target);
  let failed = 0;
  const verdict = (ok: boolean, text: string) => {
    console.log(`  ${ok ? 'ok  ' : 'FAIL'} ${text}`);
    if (!ok) failed++;
  };
  for (const [i, probe] of personal.entries()) {
    const tally = await limit(target, probe, tokens[users + i] as string);
    const admitted = tally.statuses['200'] ?? 0;
    const denied = tally.statuses['429'] ?? 0;
    verdict(
      admitted === probe.admitted && admitted + denied === tally.sent,
      `${probe.policy}: ${admitted} of ${tally.sent} admitted, ${probe.admitted} expected, ${denied} denied`,
    );
  }
  const tally = await work(target, tokens.slice(0, users), seconds);
  const { indicator, target: share } = objective('api-latency');
  const bound = indicator.kind === 'latency' ? indicator.withinSeconds * 1000 : 0;
  const bad = Object.entries(tally.statuses).filter(([status]) => Number(status) >= 400);
  verdict(
    bad.length === 0 && tally.errors === 0,
    `mixed: ${tally.sent} requests, ${describe(bad)}, ${tally.errors} errors`,
  );
  verdict(
    tally.p99 <= bound,
    `mixed: p50 ${tally.p50} ms, p99 ${tally.p99} ms (at most ${bound}, objective ${share * 100} %)`,
  );
  noteLocal(growth(before, await readCounters(target))?.local ?? 0);
  console.log(`  mixed: ${tally.rate.toFixed(1)} answers per second`);
  mkdirSync(join(root, 'reports'), { recursive: true });
  writeFileSync(join(root, 'reports', 'load.json'), `${JSON.stringify(tally, null, 2)}\n`);
  return failed === 0 ? 0 : 1;
}

function limit(target: Target, probe: Probe, token: string): Promise<Tally> {
  const request = probeRequests[probe.routeClass]?.();
  if (request === undefined)
    throw new Error(`${probe.routeClass}: probeRequests has no request of this class`);
  const connections = Array.from({ length: 10 }, () => ({ token, requests: [request] }));
  return send(target.urls, target.ca, connections, { amount: probe.offered - (probe.offered % 10) });
}

/** The operations of `mixed` that need no case of one's own: a connection cannot remember what it made. */
function work(target: Target, tokens: readonly string[], seconds: number): Promise<Tally> {
  const rate = profiles.mixed.stages[0].rate;
  const seed = Date.now().toString(36);
  const connections: Connection[] = tokens.map((token, user) => ({
    token,
    requests: Array.from({ length: Math.ceil((rate * seconds) / tokens.length) + 5 }, (_, n) =>
      requestAt(seed, user, n),
    ),
  }));
  return send(target.urls, target.ca, connections, { seconds, rate });
}

function requestAt(seed: string, user: number, n: number): Request {
  const id = offlineCaseId(seed, user, n);
  const operation = operationAt(n * profiles.mixed.users + user);
  if (operation === 'create') return requests.create(`Case ${id}`);
  if (operation === 'search') return requests.search('case');
  if (operation === 'export') return requests.export();
  if (operation === 'sync') return requests.sync(id, id, `Case ${id}`);
  return requests.list();
}

function describe(bad: readonly (readonly [string, number])[]): string {
  return bad.length === 0 ? 'none refused' : inWords(Object.fromEntries(bad));
}
