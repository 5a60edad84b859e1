import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Stack } from '../stack.ts';
import { growth, parse, quantile, type Samples } from './exposition.ts';
import type { Baseline } from './record.ts';

/** Requests per second of each user: below every limit of a minute, so that nothing is denied. */
const perUser = { list: 1.3, search: 2.7 };

interface User {
  readonly email: string;
  readonly password: string;
}

/** Sends a steady load below all limits, and reads from the replicas' own metrics what it cost. */
export async function measure(stack: Stack, seconds: number): Promise<Baseline> {
  const agent = new Agent({ connect: { ca: readFileSync(stack.ca) } });
  try {
    const users = JSON.parse(readFileSync(stack.users, 'utf8')) as User[];
    const tokens = await Promise.all(users.map((user, index) => login(stack, agent, user, index)));
    const [busy = 0] = loadavg();
    const before = await scrape(stack, agent);
    const started = performance.now();
    await Promise.all(tokens.map((token, index) => load(stack, agent, token, index, seconds)));
    const after = await scrape(stack, agent);
    const took = (performance.now() - started) / 1_000;
    const routes = /route="\/api\/v1\/cases/;
    const requests = growth(before, after, 'http_requests_total', routes);
    const failed = growth(before, after, 'http_requests_total', /route="\/api\/v1\/cases.*status="5xx"/);
    return {
      measuredAt: new Date().toISOString(),
      context: {
        cpu: cpus()[0]?.model ?? 'unknown',
        cores: cpus().length,
        memoryGiB: Math.round(totalmem() / 2 ** 30),
        // Of the minute before: other work on the machine makes figures worse.
        loadBefore: rounded(busy),
        node: process.version,
        replicas: stack.replicas.length,
        users: users.length,
        seconds,
      },
      figures: {
        requestsPerSecond: rounded(requests / took),
        errorRatio: rounded(failed / requests),
        p50Seconds: rounded(quantile(0.5, before, after, 'http_request_duration_seconds', routes)),
        p99Seconds: rounded(quantile(0.99, before, after, 'http_request_duration_seconds', routes)),
        limiterP99Seconds: rounded(quantile(0.99, before, after, 'ratelimit_decision_duration_seconds')),
        cpuSecondsPerRequest: rounded(growth(before, after, 'process_cpu_seconds_total') / requests),
      },
    };
  } finally {
    await agent.close();
  }
}

async function login({ replicas }: Stack, dispatcher: Agent, user: User, index: number): Promise<string> {
  const { statusCode, body } = await request(`${replicas[index % replicas.length]}/api/v1/auth/login`, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: user.email, password: user.password }),
  });
  const answer = (await body.json()) as { accessToken?: string };
  if (!answer.accessToken)
    throw new Error(`${user.email} cannot log in (status ${statusCode}); wait a minute, or start fresh`);
  return answer.accessToken;
}

async function load(
  { replicas }: Stack,
  dispatcher: Agent,
  token: string,
  index: number,
  seconds: number,
): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const every = async (perSecond: number, method: 'GET' | 'POST', path: string, body?: string) => {
    for (let count = 0; count < perSecond * seconds; count += 1) {
      const replica = replicas[(count + index) % replicas.length];
      const sent = await request(`${replica}${path}`, {
        dispatcher,
        method,
        headers,
        ...(body ? { body } : {}),
      });
      await sent.body.dump();
      await sleep(1_000 / perSecond);
    }
  };
  await Promise.all([
    every(perUser.list, 'GET', '/api/v1/cases'),
    every(perUser.search, 'POST', '/api/v1/cases/search', '{"text":"case"}'),
  ]);
}

async function scrape({ internal }: Stack, dispatcher: Agent): Promise<Samples> {
  return parse(
    await Promise.all(
      internal.map(async (url) => (await request(`${url}/metrics`, { dispatcher })).body.text()),
    ),
  );
}

const rounded = (value: number): number => Number(value.toPrecision(4));
