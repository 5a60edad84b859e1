import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultPolicies } from '../../contract/policies.ts';
import { environments } from '../../infra/settings/index.ts';
import {
  busyShare,
  type Capacity,
  decisionsPerCore,
  limiterBytes,
  replicasFor,
  shardsFor,
} from '../../loadtests/scenarios/capacity.ts';
import { nameOf } from '../frame/run.ts';
import { program } from '../program.ts';
import { type Cost, costOf } from './cost.ts';
import { houseSections } from './house.ts';

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
  { file: 'docs/capacity.md', name: 'growth', content: growth },
  { file: 'docs/capacity.md', name: 'cost', content: cost },
  { file: 'docs/rate-limiting.md', name: 'policies', content: policies },
  ...houseSections,
];

/** The text with one section written anew. @throws Error when its comments are not there */
export function replaced(text: string, name: string, content: string): string {
  const start = `<!-- generated: ${name}; npm run generate -->`;
  const end = `<!-- end of ${name} -->`;
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from === -1 || to < from) throw new Error(`there is no section ${name}: ${start} … ${end}`);
  return `${text.slice(0, from)}${start}\n\n${content}\n\n${text.slice(to)}`;
}

function commands(root: string): string {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  const short = (name: string) => {
    const script = Object.keys(scripts).find((key) => scripts[key] === `node cli/simple378.js ${name}`);
    if (script === undefined) return '';
    return ['start', 'stop', 'test'].includes(script) ? `\`npm ${script}\`` : `\`npm run ${script}\``;
  };
  return program()
    .commands.flatMap((group) => (group.commands.length > 0 ? [group] : []))
    .map((group) => {
      const rows = group.commands.map((command) => {
        const name = nameOf(command);
        return `| \`npx ${name}\` | ${short(name.replace('simple378 ', ''))} | ${command.description()} |`;
      });
      return [`| ${group.description()} | Short form | |`, '| --- | --- | --- |', ...rows].join('\n');
    })
    .join('\n\n');
}

function policies(): string {
  const rows = defaultPolicies.map(
    ({ name, scope, quota, windowSeconds, onStoreError, reserve }) =>
      `| \`${name}\` | ${scope} | ${quota.toLocaleString('en')} per ${windowSeconds} s | ${reserve ? `${reserve.percent} % for sources with up to ${reserve.perSource}` : '–'} | ${onStoreError} |`,
  );
  return [
    '| Policy | Counted per | Quota | Reserve | Redis away |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
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
  if (found === undefined) return 'Not measured yet: `npx simple378 bench capacity`.';
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

/** Rules that each request of a signed-in user meets: its own, `address` and `global`. */
const rules = 3;

function growth(root: string): string {
  const { knee, memory } = capacityOf(root);
  const dearest = memory?.rows.at(-1);
  if (knee === undefined || dearest === undefined) return 'Not measured yet.';
  const { bytesPerWindow, redisMicros } = dearest;
  const perReplica = knee.requestsPerSecond / knee.replicas;
  const oneCore = Math.floor((decisionsPerCore(rules, redisMicros) * busyShare) / 100) * 100;
  const oneKey = Math.floor((decisionsPerCore(1, redisMicros) * busyShare) / 100) * 100;
  const rows = [1_000, 5_000, 20_000, 50_000, 100_000].map((rate) => {
    // The most there can be: nobody comes twice within a minute, and each has a window as user and one as address.
    const gibibytes = (limiterBytes(rate * 60, 2, bytesPerWindow) / 2 ** 30).toFixed(2);
    const cells = [rate, replicasFor(rate, perReplica), shardsFor(rate, rules, redisMicros)];
    return `| ${[...cells.map((cell) => cell.toLocaleString('en')), `${gibibytes} GiB`].join(' | ')} |`;
  });
  return [
    `At ${redisMicros} µs of Redis per rule, ${rules} rules a request, and a core that is to be busy for ${busyShare * 100} % at most: ` +
      `one Redis carries the limits of **${oneCore.toLocaleString('en')} requests per second**, and the one key of \`global\`, on ` +
      `whichever shard, those of ${oneKey.toLocaleString('en')}. Beyond the first, add shards; beyond the second, clusters.`,
    '',
    '| Requests per second | Replicas | Redis shards for limits | Windows, if no user comes twice within a minute |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function cost(root: string): string {
  const rows = environments.map((environment) => {
    const [fewest, most] = [false, true].map((all) => costOf(join(root, 'rendered', environment), all)) as [
      Cost,
      Cost,
    ];
    const cell = (figure: keyof Cost, digits: number) => {
      const [low, high] = [fewest, most].map((one) => one[figure].toFixed(digits));
      return low === high ? low : `${low} to ${high}`;
    };
    return `| ${environment} | ${cell('pods', 0)} | ${cell('cores', 1)} | ${cell('memory', 1)} GiB | ${cell('disk', 0)} GiB |`;
  });
  return ['| Environment | Pods | Cores | Memory | Disk |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

function capacityOf(root: string): Capacity {
  return JSON.parse(readFileSync(join(root, 'loadtests/capacity.json'), 'utf8')) as Capacity;
}
