import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import { send } from './lib/client.ts';
import { thresholds } from './lib/objectives.ts';
import { account, run } from './lib/run.ts';
import { arrivals } from './lib/scenario.ts';
import { iteration, judged } from './lib/script.ts';
import { login, type Session } from './lib/session.ts';
import { work } from './lib/worker.ts';
import { planAttack } from './scenarios/attack.ts';
import { requests } from './scenarios/requests.ts';

export { handleSummary } from './lib/summary.ts';

// Nine tenths of the traffic are over the limit; those at work beside it are never denied, and stay fast.

const plan = planAttack(run.policies);
const admitted = new Counter('admitted');

export const options = judged({
  scenarios: {
    attackers: {
      executor: 'constant-arrival-rate',
      exec: 'attack',
      rate: plan.rate,
      timeUnit: '1s',
      duration: `${plan.seconds}s`,
      preAllocatedVUs: plan.workers,
      maxVUs: plan.workers,
    },
    others: arrivals(plan.others, 'others'),
  },
  thresholds: {
    'admitted{by:attackers}': [`count>=${plan.admitted.least}`, `count<=${plan.admitted.most}`],
    'rate_limited{scenario:attackers}': ['count>0'],
    'rate_limited{scenario:others}': ['count==0'],
    'unexpected_answers{scenario:others}': ['count==0'],
    truthful_headers: ['rate==1'],
    ...thresholds('attackers'),
    ...thresholds('others'),
  },
});

export function setup(): Session[] {
  return Array.from({ length: plan.attackers }, (_, n) => login(account(n)));
}

export const attack = iteration((sessions: Session[]) => {
  const session = sessions[exec.scenario.iterationInTest % plan.attackers] as Session;
  const answer = send(requests.list(), { token: session.accessToken });
  if (answer.status === 200) admitted.add(1, { by: 'attackers' });
});

export const others = iteration(() => {
  // k6 numbers virtual users over all scenarios, and any of them may fall to this one.
  work(plan.workers + plan.others.users, (user) => login(account(plan.attackers + user)));
});
