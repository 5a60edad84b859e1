import { existsSync, readFileSync } from 'node:fs';
import { count, type Summary } from '../scenarios/report.ts';
import { growth, type Reading } from './counters.ts';

/** Endings of what a script and k6 write: the summary, JUnit, and the page of plots. */
export const reportKinds = ['json', 'xml', 'html'];

/**
 * The exit code of a run, and what is printed with it: 0 when all thresholds held and k6 saw as many 429s as the service
 * counted; at most as many when others use the service too.
 * @param status k6's own exit code
 * @param summary path of the summary that the script wrote
 * @param shared whether others use the service too, whose 429s are in its counters
 */
export function verdict(
  status: number,
  summary: string,
  before: readonly Reading[],
  after: readonly Reading[],
  shared: boolean,
): number {
  // 99: k6 ran, and a threshold did not hold.
  if ((status !== 0 && status !== 99) || !existsSync(summary)) {
    console.error(`loadtest: k6 ended with ${status}, see above; nothing is proven`);
    return 2;
  }
  const seen = count(JSON.parse(readFileSync(summary, 'utf8')) as Summary, 'rate_limited');
  const agrees = compare(seen, before, after, shared);
  // k6 makes no page of plots for a run of a few seconds.
  const written = reportKinds.filter((kind) => existsSync(summary.replace(/json$/, kind)));
  console.log(`  reports: ${summary.replace(/json$/, '')}{${written.join(',')}}`);
  return status === 0 && agrees ? 0 : 1;
}

function compare(
  seen: number,
  before: readonly Reading[],
  after: readonly Reading[],
  shared: boolean,
): boolean {
  if (before.length === 0) {
    console.log('  skipped (1): deny counters not compared, no --internal given');
    return true;
  }
  const grown = growth(before, after);
  if (grown === null) {
    console.log('  FAIL a replica restarted during the run, its counters began again');
    return false;
  }
  const { denied, byPolicy, local } = grown;
  const agrees = shared ? denied >= seen : denied === seen;
  const parts = Object.entries(byPolicy).map(([policy, value]) => `${policy} ${value}`);
  console.log(
    `  ${agrees ? 'ok  ' : 'FAIL'} k6 saw ${seen} × 429, ` +
      `ratelimit_decisions_total{decision="deny"} grew by ${denied}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}${shared ? ', shared with others' : ''}`,
  );
  noteLocal(local);
  return agrees;
}

/** Says how many decisions were made without Redis, if any: the arithmetic of limits is not exact then. */
export function noteLocal(local: number): void {
  if (local > 0)
    console.log(
      `  note ${local} decisions were local: Redis did not answer within the limiter's deadline, so that exact ` +
        'figures cannot be expected; a machine with more room, or docs/runbooks/ for the cause',
    );
}
