import type { Correctness } from './correctness.ts';
import type { HttpResult } from './http.ts';
import type { Sample } from './measure.ts';

/** All figures of a run. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly seconds: number;
  /** Of the order in which users come. */
  readonly seed: number;
  readonly cases: readonly {
    readonly title: string;
    readonly inFlight: number;
    readonly rows: readonly (Sample & { readonly name: string; readonly does: string })[];
  }[];
  readonly http: readonly HttpResult[];
  readonly httpOverTls: readonly HttpResult[];
  readonly correctness: readonly Correctness[];
  readonly bytesPerKey: number;
  /** Microseconds of Redis per decision at 10³ and at 10⁶ live keys. */
  readonly growth: { readonly few: number; readonly many: number };
}

/** A goal as a ratio of medians of one run. */
interface Goal {
  readonly text: string;
  readonly got: number;
  readonly goal: number;
  readonly atMost?: boolean;
}

/** docs/benchmarks.md of a run. */
export function render(report: Report): string {
  const { versions } = report;
  return `# Benchmarks of the rate limiter

Written by \`npx simple378 bench limiter --write\` on ${report.date}: ${report.machine}, shared by the clients, Redis and all contenders;
${Object.entries(versions)
  .map(([name, version]) => `${name} ${version}`)
  .join(', ')}. Medians of ${report.rounds} rounds of ${report.seconds} s in turn, one warm-up;
10⁴ users in an order made by seed ${report.seed}. Compare ratios, not figures: another machine has others.

The peers do less: fixed windows, no all-or-nothing. What that means is in the last table.

## Goals

| Goal, as a ratio of medians | Wanted | Measured | |
|---|---|---|---|
${goals(report)
  .map(
    ({ text, got, goal, atMost }) =>
      `| ${text} | ${atMost ? '≤' : '≥'} ${goal} | ${got.toFixed(2)} | ${(atMost ? got <= goal : got >= goal) ? 'met' : 'missed'} |`,
  )
  .join('\n')}

## Calls to the store

| Case | In flight | Contender | Per second | p50 ms | p99 ms | Node µs | Redis µs | Calls per decision |
|---|---|---|---|---|---|---|---|---|
${report.cases.flatMap(({ title, inFlight, rows }) => rows.map((row) => `| ${title} | ${inFlight} | ${row.name} (${row.does}) | ${rate(row.perSecond)} | ${row.p50.toFixed(3)} | ${row.p99.toFixed(2)} | ${row.nodeMicros.toFixed(2)} | ${row.redisMicros.toFixed(2)} | ${row.commandsPerDecision.toFixed(2)} |`)).join('\n')}

## HTTP, 64 connections

| Server, a process of its own | Requests per second | With TLS to Redis |
|---|---|---|
${report.http.map(({ name, perSecond }, i) => `| ${name} | ${rate(perSecond)} | ${rate(report.httpOverTls[i]?.perSecond ?? 0)} |`).join('\n')}

## Memory and growth

One window takes ${report.bytesPerKey} bytes of Redis. A decision takes ${report.growth.few.toFixed(2)} µs of Redis at 10³ live keys and
${report.growth.many.toFixed(2)} µs at 10⁶.

## Correctness, tried in the same run

| Contender | Most admitted in one window, of 100 | Units lost to requests that another rule denied |
|---|---|---|
${report.correctness.map(({ name, worstWindow, lostToDenials }) => `| ${name} | ${worstWindow} | ${lostToDenials} |`).join('\n')}
`;
}

const rate = (perSecond: number): string => Math.round(perSecond).toLocaleString('en');

function goals(report: Report): Goal[] {
  const figure = (title: string, inFlight: number, name: string, of: keyof Sample): number =>
    report.cases
      .find((entry) => entry.title === title && entry.inFlight === inFlight)
      ?.rows.find((row) => row.name === name)?.[of] ?? Number.NaN;
  const web = (prefix: string, results = report.http): number =>
    results.find(({ name }) => name.startsWith(prefix))?.perSecond ?? Number.NaN;
  const webOverTls = (prefix: string) => web(prefix, report.httpOverTls);
  const rlf = 'rate-limiter-flexible';
  const union = 'rate-limiter-flexible Union of 3';
  const versus = (
    title: string,
    inFlight: number,
    ours: string,
    theirs: string,
    of: keyof Sample = 'perSecond',
  ) => figure(title, inFlight, ours, of) / figure(title, inFlight, theirs, of);
  return [
    {
      text: 'one rule, 128 in flight, rate over rate-limiter-flexible',
      goal: 3,
      got: versus('one rule', 128, 'ours', rlf),
    },
    {
      text: 'three rules, 128 in flight, rate over its Union',
      goal: 4,
      got: versus('three rules', 128, 'ours, 3 rules', union),
    },
    {
      text: 'Node per decision, one rule, over rate-limiter-flexible',
      goal: 0.15,
      atMost: true,
      got: versus('one rule', 128, 'ours', rlf, 'nodeMicros'),
    },
    {
      text: 'Node per decision, three rules, over its Union',
      goal: 0.15,
      atMost: true,
      got: versus('three rules', 128, 'ours, 3 rules', union, 'nodeMicros'),
    },
    { text: '90 % denied, rate over its default', goal: 5, got: versus('90 % denied', 128, 'ours', rlf) },
    {
      text: '90 % denied, rate over its inMemoryBlock',
      goal: 1,
      got: versus('90 % denied', 128, 'ours', 'rate-limiter-flexible, inMemoryBlock'),
    },
    { text: 'HTTP, rate over @fastify/rate-limit', goal: 1.5, got: web('ours') / web('@fastify') },
    {
      text: 'HTTP, rate over the same server without a limiter',
      goal: 0.9,
      got: web('ours') / web('no limiter'),
    },
    {
      text: 'p50 with one in flight, over rate-limiter-flexible',
      goal: 1.1,
      atMost: true,
      got: versus('one rule', 1, 'ours', rlf, 'p50'),
    },
    { text: 'bytes per key', goal: 256, atMost: true, got: report.bytesPerKey },
    {
      text: 'Redis per decision at 10⁶ keys over 10³',
      goal: 1.1,
      atMost: true,
      got: report.growth.many / report.growth.few,
    },
    {
      text: 'over TLS: one rule, 128 in flight',
      goal: 3,
      got: versus('one rule over TLS', 128, 'ours', rlf),
    },
    {
      text: 'over TLS: three rules, 128 in flight',
      goal: 4,
      got: versus('three rules over TLS', 128, 'ours, 3 rules', union),
    },
    {
      text: 'over TLS: Node per decision, one rule',
      goal: 0.15,
      atMost: true,
      got: versus('one rule over TLS', 128, 'ours', rlf, 'nodeMicros'),
    },
    {
      text: 'over TLS: Node per decision, three rules',
      goal: 0.15,
      atMost: true,
      got: versus('three rules over TLS', 128, 'ours, 3 rules', union, 'nodeMicros'),
    },
    {
      text: 'over TLS: 90 % denied, over its default',
      goal: 5,
      got: versus('90 % denied over TLS', 128, 'ours', rlf),
    },
    {
      text: 'over TLS: 90 % denied, over its inMemoryBlock',
      goal: 1,
      got: versus('90 % denied over TLS', 128, 'ours', 'rate-limiter-flexible, inMemoryBlock'),
    },
    {
      text: 'over TLS: HTTP, over @fastify/rate-limit',
      goal: 1.5,
      got: webOverTls('ours') / webOverTls('@fastify'),
    },
    {
      text: 'over TLS: HTTP, over the same server without a limiter',
      goal: 0.9,
      got: webOverTls('ours') / webOverTls('no limiter'),
    },
    {
      text: 'over TLS: p50 with one in flight',
      goal: 1.1,
      atMost: true,
      got: versus('one rule over TLS', 1, 'ours', rlf, 'p50'),
    },
  ];
}
