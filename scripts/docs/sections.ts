import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultPolicies } from '../../app/src/limiter/policies.ts';
import { type Capacity, decisionsPerCore, limiterBytes } from '../../loadtests/scenarios/capacity.ts';
import { groups, typed } from '../commands.ts';

/** A part of a document that is written from data, between two comments. */
export interface Section {
  readonly file: string;
  readonly name: string;
  readonly content: (root: string) => string;
}

/** All generated parts of the guides that have no generator of their own. */
export const sections: readonly Section[] = [
  { file: 'docs/commands.md', name: 'commands', content: commands },
  { file: 'docs/capacity.md', name: 'memory', content: memory },
  { file: 'docs/capacity.md', name: 'knee', content: knee },
  { file: 'docs/rate-limiting.md', name: 'policies', content: policies },
];

/** The text with one section written anew. @throws Error when its comments are not there */
export function replaced(text: string, name: string, content: string): string {
  const start = `<!-- generated: ${name}; npm run generate:docs -->`;
  const end = `<!-- end of ${name} -->`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`there is no section ${name}: ${start} … ${end}`);
  return `${text.slice(0, from)}${start}\n\n${content}\n\n${text.slice(to)}`;
}

function commands(): string {
  return groups
    .map(({ title, commands }) => {
      const rows = commands.map(({ name, does }) => `| \`${typed(name)}\` | ${does} |`);
      return [`| ${title} | |`, '| --- | --- |', ...rows].join('\n');
    })
    .join('\n\n');
}

function policies(): string {
  const rows = defaultPolicies.map(
    ({ name, scope, quota, windowSeconds, onStoreError }) =>
      `| \`${name}\` | ${scope} | ${quota.toLocaleString('en')} per ${windowSeconds} s | ${onStoreError} |`,
  );
  return ['| Policy | Counted per | Quota | Redis away |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function memory(root: string): string {
  const { rows = [], cpu, cores } = capacityOf(root).memory ?? {};
  const lines = rows.map(({ users, bytesPerWindow, redisMicros }) => {
    const megabytes = (limiterBytes(users, 1, bytesPerWindow) / 2 ** 20).toFixed(1);
    const rate = decisionsPerCore(1, redisMicros).toLocaleString('en');
    return `| ${users.toLocaleString('en')} | ${bytesPerWindow} B | ${megabytes} MiB | ${redisMicros} µs | ${rate} |`;
  });
  return [
    `Measured on ${cores} cores of ${cpu}, shared with other work, Redis on loopback without TLS.`,
    '',
    '| Users | Per window | One window each | Redis per decision of one rule | Such decisions per Redis core and second |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

function knee(root: string): string {
  const found = capacityOf(root).knee;
  if (found === undefined) return 'Not measured yet: `npm run bench:capacity`.';
  const { cores, cpu, replicas, requestsPerSecond, loadBefore, steps } = found;
  const rows = steps.map(
    ({ rate, answered, p95, failed, holds }) =>
      `| ${rate} | ${answered.toFixed(0)} | ${p95.toFixed(1)} ms | ${(failed * 100).toFixed(2)} % | ${holds ? 'yes' : 'no'} |`,
  );
  return [
    `${replicas} replicas, ${cores} cores of ${cpu} in all, which the generator and Redis shared; load average ` +
      `before it ${loadBefore.toFixed(1)}. The knee: **${requestsPerSecond} requests per second**, ` +
      `${Math.round(requestsPerSecond / replicas)} per replica, ${Math.round(requestsPerSecond / cores)} per core.`,
    '',
    '| Offered per second | Answered | p95 | Failed | Within the objectives |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function capacityOf(root: string): Capacity {
  return JSON.parse(readFileSync(join(root, 'loadtests/capacity.json'), 'utf8')) as Capacity;
}
