import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { count, type Summary } from '../scenarios/report.ts';
import { growth, type Reading } from './counters.ts';

/** A run of a load test, one per script in `docs/evidence/loadtest.json`: the newest that was worth keeping. */
export interface LoadTestRun {
  readonly script: string;
  /** Requests that k6 sent; null where the number says nothing. */
  readonly requests: number | null;
  /** 429s that k6 saw, and by how much the deny counters of `ratelimit_decisions_total` grew. */
  readonly seen429: number;
  readonly counted429: number;
  readonly k6: string;
  readonly cores: number;
  readonly replicas: number;
  /** The day, as `2026-11-25`. */
  readonly date: string;
  readonly note?: string;
}

/** What a run showed. @param engine k6 as the runner names it */
export function runOf(
  script: string,
  summary: Summary,
  before: readonly Reading[],
  after: readonly Reading[],
  engine: string,
): LoadTestRun {
  return {
    script,
    requests: count(summary, 'http_reqs'),
    seen429: count(summary, 'rate_limited'),
    counted429: growth(before, after)?.denied ?? 0,
    k6: /\d+\.\d+\.\d+/.exec(engine)?.[0] ?? engine,
    cores: availableParallelism(),
    replicas: after.length,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** Puts a run in the place of the script's last one; what was noted of that holds for this. */
export function keepRun(file: string, run: LoadTestRun): void {
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LoadTestRun[]) : [];
  const note = kept.find(({ script }) => script === run.script)?.note;
  const noted = { ...run, ...(note === undefined ? {} : { note }) };
  const others = kept.map((one) => (one.script === run.script ? noted : one));
  const all = others.includes(noted) ? others : [...others, noted];
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
}
