import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadTestRun } from '../../loadtests/runner/record.ts';
import type { Section } from './sections.ts';
import { table } from './table.ts';

/** `docs/evidence/loadtest-broken.json`: what the proofs said of a service that was broken on purpose. */
interface Broken {
  readonly date: string;
  readonly limits: readonly {
    readonly broken: string;
    readonly policy: string;
    readonly quota: number;
    readonly admitted: number;
  }[];
  readonly overloaded: {
    readonly requests: number;
    readonly decidedLocally: number;
    readonly loadAverage: number;
  };
  readonly watch: {
    /** Share of requests that fail. */
    readonly failing: number;
    readonly requestsPerSecond: number;
    readonly healthyMinutes: number;
    readonly noticedSeconds: number;
  };
}

/** `docs/evidence/roll-out.json`: the steps of a roll-out, one by one. */
interface RollOut {
  readonly cluster: string;
  readonly environment: string;
  readonly date: string;
  readonly steps: readonly {
    readonly command: string;
    readonly when?: string;
    /** Exit code. */
    readonly code: number;
    readonly said: string;
  }[];
}

/** `docs/evidence/instructions.json`: what a decision costs Redis, counted by callgrind. */
interface Instructions {
  readonly redis: string;
  readonly rows: readonly {
    readonly what: string;
    /** One figure, or the least and the most. */
    readonly instructions: readonly number[];
    readonly parts?: Readonly<Record<string, number>>;
  }[];
}

/** `docs/evidence/tracing.json`, by `npm run bench:tracing -- --write`; ratios to a collector that answers. */
interface Tracing {
  readonly collectors: readonly {
    readonly collector: string;
    readonly throughput: number;
    readonly failed: number;
  }[];
}

/** Parts of the guides that tell what was measured once, on a day. */
export const seenSections: readonly Section[] = [
  { file: 'docs/success-criteria.md', name: 'load tests', content: loadTests },
  { file: 'docs/success-criteria.md', name: 'broken', content: broken },
  { file: 'docs/success-criteria.md', name: 'roll-out', content: rollOut },
  { file: 'docs/rate-limiting.md', name: 'instructions', content: instructions },
  { file: 'docs/troubleshooting.md', name: 'tracing', content: tracing },
];

function loadTests(root: string): string {
  const runs = evidence<readonly LoadTestRun[]>(root, 'loadtest');
  return table(
    ['Script', 'Requests', '429s seen by k6 = growth of the deny counters', 'On', 'With'],
    runs.map(({ script, requests, seen429, counted429, k6, cores, replicas, date, note }) => [
      note === undefined ? `\`${script}\`` : `\`${script}\`: ${note}`,
      requests === null ? '–' : figure(requests),
      `${figure(seen429)} ${seen429 === counted429 ? '=' : '≠'} ${figure(counted429)}`,
      date,
      `k6 ${k6}, ${replicas} replicas, ${cores} cores for all`,
    ]),
  );
}

function broken(root: string): string {
  const { date, limits, overloaded, watch } = evidence<Broken>(root, 'loadtest-broken');
  return [
    table(
      ['Broken', 'Policy', 'Quota', 'Admitted'],
      limits.map(({ broken: what, policy, quota, admitted }) => [
        what,
        `\`${policy}\``,
        figure(quota),
        figure(admitted),
      ]),
    ),
    '',
    'Where Redis did not answer within the deadline of the limiter it was red as well, by as many requests as the run then notes as ' +
      `decided locally: ${figure(overloaded.decidedLocally)} of ${figure(overloaded.requests)} at a load average of ${overloaded.loadAverage}.`,
    '',
    `A bad release (${watch.failing * 100} % of ${watch.requestsPerSecond} requests a second failing, after ${watch.healthyMinutes} healthy minutes on an ` +
      `empty Prometheus) was stopped by \`npm run watch\` ${watch.noticedSeconds} seconds after its first failure. Both were seen on ${date}.`,
  ].join('\n');
}

function rollOut(root: string): string {
  const { cluster, environment, date, steps } = evidence<RollOut>(root, 'roll-out');
  return [
    `On ${date}, ${environment}, a cluster of ${cluster}:`,
    '',
    table(
      ['Step', 'Ended with', 'What it said'],
      steps.map(({ command, when, code, said }) => [
        when === undefined ? `\`${command}\`` : `\`${command}\`, ${when}`,
        String(code),
        said,
      ]),
    ),
  ].join('\n');
}

function instructions(root: string): string {
  const { redis, rows } = evidence<Instructions>(root, 'instructions');
  return [
    `Per decision, counted by callgrind on Redis ${redis}, so that the machine does not matter:`,
    '',
    table(
      ['', 'Instructions of Redis'],
      rows.flatMap(({ what, instructions: [least = 0, most], parts = {} }) => {
        const named = Object.entries(parts);
        const rest = least - named.reduce((sum, [, one]) => sum + one, 0);
        const all = [...named, ['arithmetic, tables and the rest', rest] as const];
        const row = [what, most === undefined ? figure(least) : `${figure(least)} to ${figure(most)}`];
        return named.length === 0
          ? [row]
          : [row, [`of that: ${all.map(([part, one]) => `${part} ${figure(one)}`).join(', ')}`, '']];
      }),
    ),
  ].join('\n');
}

function tracing(root: string): string {
  const { collectors } = evidence<Tracing>(root, 'tracing');
  const said = collectors.map(
    ({ collector, throughput, failed }) =>
      `with one that ${collector}, ${throughput.toFixed(2)} of it, and ${failed === 0 ? 'none' : figure(failed)} failed`,
  );
  return `\`npm run bench:tracing\`, against the throughput with a collector that answers: ${said.join('; ')}.`;
}

const figure = (value: number): string => value.toLocaleString('en');

function evidence<T>(root: string, name: string): T {
  return JSON.parse(readFileSync(join(root, 'docs/evidence', `${name}.json`), 'utf8')) as T;
}
