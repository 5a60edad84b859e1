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
import { type Cost, costOf } from './cost.ts';
import { type Section, table } from './section.ts';

/** Sections about limits and capacity. */
export const capacitySections: readonly Section[] = [
  { file: 'docs/capacity.md', name: 'memory', content: memory },
  { file: 'docs/capacity.md', name: 'knee', content: knee },
  { file: 'docs/capacity.md', name: 'growth', content: growth },
  { file: 'docs/capacity.md', name: 'cost', content: cost },
  { file: 'docs/rate-limiting.md', name: 'policies', content: policies },
];

function policies(): string {
  const rows = defaultPolicies.map(({ name, scope, quota, windowSeconds, reserve, onStoreError }) => [
    `\`${name}\``,
    scope,
    `${quota.toLocaleString('en')} per ${windowSeconds} s`,
    reserve ? `${reserve.percent} % for sources with up to ${reserve.perSource}` : '–',
    onStoreError,
  ]);
  return table(['Policy', 'Counted per', 'Quota', 'Reserve', 'Without Redis'], rows);
}

function memory(root: string): string {
  const { rows = [], cpu, cores } = capacityOf(root).memory ?? {};
  const heads = [
    'Users',
    'Per window',
    'One window each',
    'Redis per decision of one rule',
    'Such decisions per Redis core and second',
  ];
  const cells = rows.map(({ users, bytesPerWindow, redisMicros }) => [
    users.toLocaleString('en'),
    `${bytesPerWindow} B`,
    `${(limiterBytes(users, 1, bytesPerWindow) / 2 ** 20).toFixed(1)} MiB`,
    `${redisMicros} µs`,
    decisionsPerCore(1, redisMicros).toLocaleString('en'),
  ]);
  return `Measured on ${cores} cores of ${cpu}, shared with other work, Redis on loopback without TLS.\n\n${table(heads, cells)}`;
}

function knee(root: string): string {
  const found = capacityOf(root).knee;
  if (found === undefined) return 'Not measured yet: `npx simple378 bench capacity`.';
  const { cores, cpu, replicas, requestsPerSecond, loadBefore, steps } = found;
  const heads = ['Offered per second', 'Answered', 'p95', 'Failed', 'Within the objectives'];
  const rows = steps.map(({ rate, answered, p95, failed, holds }) => [
    String(rate),
    answered.toFixed(0),
    `${p95.toFixed(1)} ms`,
    `${(failed * 100).toFixed(2)} %`,
    holds ? 'yes' : 'no',
  ]);
  return (
    `${replicas} replicas on ${cores} cores of ${cpu} in all, shared with the load generator and Redis; load average ` +
    `before the run ${loadBefore.toFixed(1)}. The knee: **${requestsPerSecond} requests per second**, ` +
    `${Math.round(requestsPerSecond / replicas)} per replica, ${Math.round(requestsPerSecond / cores)} per core.\n\n${table(heads, rows)}`
  );
}

/** Rules of a signed-in user's request: its own, `address` and `global`. */
const rules = 3;

function growth(root: string): string {
  const { knee: found, memory: measured } = capacityOf(root);
  const largest = measured?.rows.at(-1);
  if (found === undefined || largest === undefined) return 'Not measured yet.';
  const { bytesPerWindow, redisMicros } = largest;
  const perReplica = found.requestsPerSecond / found.replicas;
  const perCore = (count: number) =>
    (Math.floor((decisionsPerCore(count, redisMicros) * busyShare) / 100) * 100).toLocaleString('en');
  const heads = [
    'Requests per second',
    'Replicas',
    'Redis shards for limits',
    'Windows, if no user returns within a minute',
  ];
  const rows = [1_000, 5_000, 20_000, 50_000, 100_000].map((rate) => [
    ...[rate, replicasFor(rate, perReplica), shardsFor(rate, rules, redisMicros)].map((cell) =>
      cell.toLocaleString('en'),
    ),
    // The worst case: every request of a minute is by another user, with a window as user and one as address.
    `${(limiterBytes(rate * 60, 2, bytesPerWindow) / 2 ** 30).toFixed(2)} GiB`,
  ]);
  return (
    `At ${redisMicros} µs of Redis per rule, ${rules} rules per request and a core that is busy for ${busyShare * 100} % at most, ` +
    `one Redis carries the limits of **${perCore(rules)} requests per second**, and the one key of \`global\` those of ` +
    `${perCore(1)}. Beyond the first figure add shards, beyond the second add clusters.\n\n${table(heads, rows)}`
  );
}

function cost(root: string): string {
  const rows = environments.map((environment) => {
    const folder = join(root, 'rendered', environment);
    const [lowest, highest] = [costOf(folder, 'minimum'), costOf(folder, 'maximum')];
    const cell = (figure: keyof Cost, digits: number) => {
      const [low, high] = [lowest[figure].toFixed(digits), highest[figure].toFixed(digits)];
      return low === high ? low : `${low} to ${high}`;
    };
    return [
      environment,
      cell('pods', 0),
      cell('cores', 1),
      `${cell('memory', 1)} GiB`,
      `${cell('disk', 0)} GiB`,
    ];
  });
  return table(['Environment', 'Pods', 'Cores', 'Memory', 'Disk'], rows);
}

function capacityOf(root: string): Capacity {
  return JSON.parse(readFileSync(join(root, 'loadtests/capacity.json'), 'utf8')) as Capacity;
}
