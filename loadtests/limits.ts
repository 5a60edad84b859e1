import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import type { Scenario } from 'k6/options';
import { type Answer, send, sendAll, violated } from './lib/client.ts';
import { account, run } from './lib/run.ts';
import { iteration, judged } from './lib/script.ts';
import { login, type Session } from './lib/session.ts';
import { longestWaitSeconds } from './scenarios/admissions.ts';
import { attempts } from './scenarios/bypass.ts';
import { remainingOf } from './scenarios/headers.ts';
import { type Probe, planLimits } from './scenarios/limits.ts';
import { probeRequests, type Request, requests } from './scenarios/requests.ts';

export { handleSummary } from './lib/summary.ts';

// Each policy is offered more than its quota, over all replicas: exactly the quota must come through, the
// headers must add up, Retry-After must suffice, and no other user may notice.

const policies = run.policies.filter(({ name }) => run.only?.includes(name) ?? true);
const plan = planLimits(policies, run.addresses);
const probes = new Map(plan.probes.map((probe) => [`probe-${probe.policy}`, probe]));
const personal = plan.probes.filter(({ scope }) => scope === 'user' || scope === 'user+operation');
/** A user at rest beside the probes. */
const bystander = personal.length;

/** So that 6,500 requests take half a minute at most while an answer takes a sixth of a second. */
const largestBatch = 40;

const admitted = new Counter('admitted');
const denied = new Counter('denied');
const remaining = new Counter('remaining_sum');
const misjudged = new Counter('misjudged');

export const options = judged({
  // k6's defaults, 20 and 6, would keep one distant address from getting through in time.
  batch: largestBatch,
  batchPerHost: largestBatch,
  scenarios: {
    ...Object.fromEntries([...probes].map(([name, probe]) => [name, firing(probe)])),
    ...Object.fromEntries(personal.map((probe) => [`retry-${probe.policy}`, retrying(probe)])),
    ...(personal.length > 0 && { bystander: beside(), ...bypassing() }),
  },
  thresholds: {
    ...Object.fromEntries(
      plan.probes.flatMap(({ policy, admitted, remainingSum }) => [
        [`admitted{probe:${policy}}`, [`count==${admitted}`]],
        [`denied{probe:${policy}}`, ['count>0']],
        ...(remainingSum === undefined
          ? []
          : [[`remaining_sum{probe:${policy}}`, [`count==${remainingSum}`]] as [string, string[]]]),
      ]),
    ),
    misjudged: ['count==0'],
    truthful_headers: ['rate==1'],
    // Stricter than the objective: a request that failed may have been counted or not. Latency is not judged here, for some
    // probes take all that there is.
    failures: ['rate==0'],
    checks: ['rate==1'],
  },
});

interface Data {
  readonly sessions: Session[];
}

export function setup(): Data {
  // A threshold on a counter that nothing was added to is not judged; zero is something.
  for (const { policy } of plan.probes) {
    for (const counter of [admitted, denied, remaining]) counter.add(0, { probe: policy });
  }
  misjudged.add(0);
  for (const { policy, because } of plan.skipped) console.warn(`${policy} is not tested: ${because}`);
  const users = personal.length === 0 ? 0 : personal.length + 1;
  return { sessions: Array.from({ length: users }, (_, n) => login(account(n))) };
}

export const fire = iteration(({ sessions }: Data) => {
  const probe = probes.get(exec.scenario.name) as Probe;
  const token = sessions[personal.indexOf(probe)]?.accessToken;
  const how = token === undefined ? {} : { token };
  if (batchOf(probe) === 1) judge(probe, send(requestFor(probe, exec.scenario.iterationInTest), how));
  else {
    const first = exec.vu.iterationInScenario * batchOf(probe);
    const batch = Array.from({ length: batchOf(probe) }, (_, i) => requestFor(probe, first + i));
    for (const answer of sendAll(batch, how)) judge(probe, answer);
  }
});

export const retry = iteration(({ sessions }: Data) => {
  const probe = personal.find(({ policy }) => `retry-${policy}` === exec.scenario.name) as Probe;
  const token = sessions[personal.indexOf(probe)]?.accessToken as string;
  const early = send(requestFor(probe, 0), { token });
  const seconds = Number(early.headers['Retry-After']);
  check(early, { 'still denied before Retry-After': ({ status }) => status === 429 });
  sleep(seconds);
  check(send(requestFor(probe, 0), { token }), {
    'admitted after Retry-After': ({ status }) => status < 400,
  });
});

export const rest = iteration(({ sessions }: Data) => {
  const answer = send(requests.list(), { token: sessions[bystander]?.accessToken as string });
  check(answer, { 'a user at rest is served': ({ status }) => status === 200 });
});

export const bypass = iteration(({ sessions }: Data) => {
  const index = personal.findIndex(({ routeClass }) => routeClass === 'default');
  const tokens = [sessions[index]?.accessToken as string, login(account(index)).accessToken];
  for (const token of tokens) {
    for (const { name, request, headers = {} } of attempts) {
      check(send(request, { token, headers }), {
        [`no way around: ${name}`]: ({ status }) => status >= 400 && status < 500,
      });
    }
  }
});

/** Sorts an answer: admitted (whatever the service then said), denied by this policy, or a mistake. */
function judge({ policy, remainingSum }: Probe, answer: Answer): void {
  const tags = { probe: policy };
  if (answer.status === 429) {
    denied.add(1, tags);
    if (!violated(answer).includes(policy)) misjudged.add(1, tags);
    return;
  }
  admitted.add(1, tags);
  const left = remainingOf(answer.headers, policy);
  if ((left === undefined) !== (remainingSum === undefined)) misjudged.add(1, tags);
  if (left !== undefined) remaining.add(left, tags);
}

function requestFor({ routeClass, policy, accounts }: Probe, n: number): Request {
  const request = probeRequests[routeClass];
  if (request !== undefined) return request();
  return requests.login(`nobody-${run.seed}-${policy}-${n % accounts}@example.test`, `wrong-${run.seed}`);
}

/** What counts by address comes from one virtual user, for each has its own address; in parallel, for speed. */
function batchOf({ scope, routeClass }: Probe): number {
  return scope !== 'ip' ? 1 : routeClass === 'login' ? 2 : largestBatch;
}

function firing(probe: Probe): Scenario {
  const { scope, offered, seconds, start } = probe;
  const common = { exec: 'fire', startTime: `${start}s` };
  if (scope === 'ip')
    return {
      ...common,
      executor: 'per-vu-iterations',
      vus: 1,
      iterations: Math.ceil(offered / batchOf(probe)),
      maxDuration: `${seconds}s`,
    };
  const users = scope === 'endpoint' || scope === 'global' ? 60 : 10;
  return {
    ...common,
    executor: 'constant-arrival-rate',
    // In ten seconds, for k6 takes whole numbers only.
    rate: Math.ceil((offered / seconds) * 10),
    timeUnit: '10s',
    duration: `${seconds}s`,
    preAllocatedVUs: users,
    maxVUs: users * 2,
  };
}

function retrying({ start, seconds, policy }: Probe): Scenario {
  const wait = Math.ceil(
    longestWaitSeconds(policies.find(({ name }) => name === policy) ?? { windowSeconds: 60 }),
  );
  return {
    executor: 'per-vu-iterations',
    exec: 'retry',
    vus: 1,
    iterations: 1,
    startTime: `${start + seconds + 1}s`,
    maxDuration: `${wait + 10}s`,
  };
}

function beside(): Scenario {
  return {
    executor: 'constant-arrival-rate',
    exec: 'rest',
    rate: 1,
    timeUnit: '1s',
    duration: `${Math.max(...personal.map(({ seconds }) => seconds)) + 5}s`,
    preAllocatedVUs: 2,
  };
}

/** Tried on whom the probe of `default` has just brought to the limit. */
function bypassing(): Record<string, Scenario> {
  const spent = personal.find(({ routeClass }) => routeClass === 'default');
  if (spent === undefined) return {};
  const startTime = `${spent.start + spent.seconds + 2}s`;
  return {
    bypass: {
      executor: 'per-vu-iterations',
      exec: 'bypass',
      vus: 1,
      iterations: 1,
      startTime,
      maxDuration: '30s',
    },
  };
}
