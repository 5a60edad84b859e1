import exec from 'k6/execution';
import { bounds } from './lib/objectives.ts';
import { account, run } from './lib/run.ts';
import { iteration, judged } from './lib/script.ts';
import { login, type Session } from './lib/session.ts';
import { handleSummary as reports } from './lib/summary.ts';
import { work } from './lib/worker.ts';
import { kneeOf, planSteps, rampUsers, resultsOf } from './scenarios/breakpoint.ts';
import type { Summary } from './scenarios/report.ts';

// The traffic of `mixed` at a rising rate, to where latency, errors or the rate itself give way: the knee.
// Limits must be out of the way (loadtests/policies/no-limits.json), else they are what is found.

const workers = 240;
const steps = planSteps(run.to);
const start = 5;

export const options = judged({
  scenarios: {
    ramp: {
      executor: 'ramping-arrival-rate',
      startTime: `${start}s`,
      startRate: steps[0]?.rate ?? 1,
      timeUnit: '1s',
      preAllocatedVUs: workers,
      maxVUs: workers,
      stages: steps.flatMap(({ rate, seconds }) => [
        { target: rate, duration: '0s' },
        { target: rate, duration: `${seconds}s` },
      ]),
    },
  },
  // They always hold: a threshold is how k6 is told to keep a metric per step.
  thresholds: {
    ...Object.fromEntries(
      steps.flatMap(({ rate }) => [
        [`http_reqs{step:${rate}}`, ['count>=0']],
        [`http_req_duration{step:${rate}}`, ['max>=0']],
        [`failures{step:${rate}}`, ['rate<=1']],
      ]),
    ),
    // The first step must hold, else there is no knee.
    [`failures{step:${steps[0]?.rate}}`]: [`rate<=${bounds.failed}`],
    [`http_req_duration{step:${steps[0]?.rate}}`]: [`p(95)<=${bounds.p95}`],
    rate_limited: ['count==0'],
  },
});

export function setup(): Session[] {
  return Array.from({ length: rampUsers }, (_, n) => login(account(n)));
}

export default iteration((sessions: Session[]) => {
  const elapsed = (Date.now() - exec.scenario.startTime) / 1000;
  const step = steps[Math.floor(elapsed / (steps[0]?.seconds ?? 1))] ?? steps.at(-1);
  exec.vu.metrics.tags.step = String(step?.rate);
  work(rampUsers, (user) => sessions[user] as Session, workers / rampUsers);
});

export function handleSummary(data: Summary): Record<string, string> {
  const results = resultsOf(steps, data, bounds);
  const table = results.map(
    ({ rate, answered, p95, failed, holds }) =>
      `  ${holds ? 'holds ' : 'breaks'} ${rate}/s offered, ${answered.toFixed(0)}/s answered, ` +
      `p95 ${p95.toFixed(1)} ms, failed ${(failed * 100).toFixed(2)} %`,
  );
  const written = reports(data);
  const found = { knee: kneeOf(results), bounds, steps: results };
  return {
    ...written,
    stdout: `${written.stdout}${table.join('\n')}\n  knee: ${found.knee} requests per second\n`,
    [`${run.reports}/knee.json`]: `${JSON.stringify(found, null, 2)}\n`,
  };
}
