import { contenders, quota, replicas } from './contenders.ts';
import type { Result } from './run.ts';

/** What ours must hold in every fault. */
const goal = { addedP99: 60, errors: 0, recovery: 6 } as const;
/** What a store that lost its data, or holds garbage, no longer knows. */
const forgets = new Set(['FLUSHALL', 'garbage in every key']);

/**
 * Units that ours may admit beyond the quota in a fault: the shares of the replicas that have not written theirs back when
 * the first one asks Redis again, and a whole quota where the store forgot.
 */
const boundOf = (fault: string): number =>
  (quota / replicas) * (replicas - 1) + (forgets.has(fault) ? quota : 0);

/** Sentences on what ours does not hold. */
export function failures(results: readonly Result[]): string[] {
  return results
    .filter(({ contender }) => contender === 'ours')
    .flatMap(({ fault, addedP99, errors, overAdmitted, recovery }) => [
      ...(addedP99 <= goal.addedP99
        ? []
        : [`${fault}: ${addedP99.toFixed(0)} ms added, not ≤ ${goal.addedP99}`]),
      ...(errors <= goal.errors ? [] : [`${fault}: ${errors} errors`]),
      ...(overAdmitted <= boundOf(fault)
        ? []
        : [`${fault}: ${overAdmitted} admitted beyond the quota, bound ${boundOf(fault)}`]),
      ...(recovery !== null && recovery < goal.recovery
        ? []
        : [`${fault}: recovered after ${recovery?.toFixed(1) ?? 'more than 8'} s, not < ${goal.recovery}`]),
    ]);
}

/** FAULTS.md of a run. */
export function render(results: readonly Result[], versions: Readonly<Record<string, string>>): string {
  const names = contenders.map(({ name }) => name);
  const faults = [...new Set(results.map(({ fault }) => fault))];
  const cell = (fault: string, name: string): string => {
    const result = results.find((entry) => entry.fault === fault && entry.contender === name);
    if (!result) return '–';
    const { addedP99, errors, overAdmitted, recovery } = result;
    return `${addedP99.toFixed(0)} ms · ${errors} · ${overAdmitted} · ${recovery === null ? 'never' : `${recovery.toFixed(1)} s`}`;
  };
  const broken = failures(results);
  return `# What the limiter does when its store fails

Written by \`npx simple378 bench faults\` (${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}).

Each fault is put before all three at once: ${replicas} replicas each behind HTTP, a real Redis with an append-only file, the same ioredis
options. One user asks 50 times a second and may be served ${quota} times in all; 50 more requests a second come from ever new users.
rate-limiter-flexible has its insurance limiter with its share of the quota; @fastify/rate-limit has its defaults.

A cell reads: **p99 added · errors (≥ 500, or no answer in 5 s) · admitted beyond the quota · seconds until Redis counts again**
(watched for 8 s). Below some 30 ms, p99 is the noise of a shared machine. The clock of Redis itself is moved by script.test.ts, forwards and back.

| Fault | ${names.join(' | ')} |
|---|${names.map(() => '---|').join('')}
${faults.map((fault) => `| ${fault} | ${names.map((name) => cell(fault, name)).join(' | ')} |`).join('\n')}

Ours must add at most ${goal.addedP99} ms, fail nobody, count again within ${goal.recovery} s, and admit at most \`quota × (1 − 1/replicas)\` beyond the
quota, here ${boundOf('')}: while Redis is away a replica knows what it admitted itself, and on return the first one asks before the others have
written theirs back. Where the store itself forgets (${[...forgets].join(', ')}) the bound is one quota more.

${broken.length === 0 ? 'It held in all of them.' : `It did not hold in this run:\n\n${broken.map((line) => `- ${line}`).join('\n')}`}
`;
}
