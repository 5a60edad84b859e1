import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import type { Scenario } from 'k6/options';
import { type Answer, send } from './lib/client.ts';
import { thresholds } from './lib/objectives.ts';
import { account, run } from './lib/run.ts';
import { iteration, judged } from './lib/script.ts';
import { login, type Session } from './lib/session.ts';
import { intensiveAt, planBurst } from './scenarios/burst.ts';
import { offlineCaseId, requests } from './scenarios/requests.ts';

export { handleSummary } from './lib/summary.ts';

// Users spend all of `intensive` at once over search, export and sync together, and keep all of `default`.

const plan = planBurst(run.policies);
const admitted = new Counter('admitted');
const denied = new Counter('denied');

export const options = judged({
  scenarios: {
    intensive: spread(plan.intensive.offered, 'intensive'),
    ordinary: spread(plan.ordinary.offered, 'ordinary'),
  },
  thresholds: {
    ...Object.fromEntries(
      Array.from({ length: plan.users }, (_, user) => [
        `admitted{class:intensive,user:${user}}`,
        [`count==${plan.intensive.admitted}`],
      ]),
    ),
    'denied{class:intensive}': ['count>0'],
    'denied{class:ordinary}': ['count==0'],
    truthful_headers: ['rate==1'],
    // Stricter than the objective: a request that failed may have been counted or not.
    failures: ['rate==0'],
    ...thresholds('intensive'),
    ...thresholds('ordinary'),
  },
});

export function setup(): Session[] {
  for (const name of ['intensive', 'ordinary']) denied.add(0, { class: name });
  return Array.from({ length: plan.users }, (_, user) => login(account(user)));
}

export const intensive = iteration((sessions: Session[]) => {
  const n = exec.scenario.iterationInTest;
  const operation = intensiveAt(Math.floor(n / plan.users));
  const id = offlineCaseId(run.seed, 0, n);
  const request =
    operation === 'sync'
      ? requests.sync(id, id, 'A burst')
      : operation === 'export'
        ? requests.export()
        : requests.search('burst');
  tally('intensive', n % plan.users, send(request, { token: tokenOf(sessions, n) }));
});

export const ordinary = iteration((sessions: Session[]) => {
  const n = exec.scenario.iterationInTest;
  tally('ordinary', n % plan.users, send(requests.list(), { token: tokenOf(sessions, n) }));
});

function tokenOf(sessions: Session[], n: number): string {
  return (sessions[n % plan.users] as Session).accessToken;
}

function tally(name: string, user: number, answer: Answer): void {
  (answer.status === 429 ? denied : admitted).add(1, { class: name, user: String(user) });
}

function spread(perUser: number, exec: string): Scenario {
  return {
    executor: 'constant-arrival-rate',
    exec,
    rate: perUser * plan.users,
    timeUnit: `${plan.seconds}s`,
    duration: `${plan.seconds}s`,
    preAllocatedVUs: 20,
    maxVUs: 60,
  };
}
