import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { request } from 'undici';
import { afterAll, beforeAll, expect } from 'vitest';
import { sessionOf } from '../app/auth/refresh-token.ts';
import { sessionKey } from '../app/auth/sessions.ts';
import { defaultPolicies } from '../contract/policies.ts';
import { lastBackupKey } from '../infra/config/backup.ts';
import { type PanelQuery, panelQueries } from '../infra/panel-data.ts';
import { prometheusAt } from '../slo/prometheus.ts';
import { type AlertStack, startAlertStack } from '../test/alerts/stack.ts';
import { needs } from '../test/support/needs.ts';
import { exchange } from '../test/support/raw-http.ts';
import type { TestService, TestSession } from '../test/support/service.ts';

// Everything is real: Redis and its exporter, two replicas, Prometheus with the real rules, and traces nobody takes.
const it = needs('prometheus', 'redis_exporter', 'alertmanager');
let stack: AlertStack;
let replica: TestService;
let worker: TestSession;
let reader: TestSession;

beforeAll(async () => {
  stack = await startAlertStack({
    evaluateEvery: '1s',
    scrapeSeconds: 1,
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_SAMPLER_ARG: '1' },
    policies: defaultPolicies.map((policy) => ({
      ...policy,
      quota: 100_000,
      ...(policy.name === 'default' ? { roles: { reader: 5 } } : {}),
      ...(policy.name === 'intensive' ? { mode: 'shadow' } : {}),
    })),
  });
  replica = stack.replicas[0] as TestService;
}, 60_000);
afterAll(() => stack.stop());

const send = (method: string, path: string, body?: object) => worker.send(method, path, { body });
const login = (password?: string) => {
  const { email, password: right } = stack.backing.user('caseworker');
  return replica.send('POST', '/api/v1/auth/login', { body: { email, password: password ?? right } });
};
const offlineWork = () => ({
  operations: [
    {
      operationId: randomUUID(),
      caseId: Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url'),
      kind: 'create',
      title: 'Offline',
      queuedAt: new Date(Date.now() - 60_000).toISOString(),
    },
  ],
  remaining: 3,
});
const refresh = (refreshToken: string) =>
  replica.send('POST', '/api/v1/auth/refresh', { body: { refreshToken } });

/** How the event that panels wait for is made to happen: by what users, or the backup job, do. */
const events: Readonly<Record<string, () => Promise<unknown>>> = {
  'a client has synchronised offline work': () => send('POST', '/api/v1/sync', offlineWork()),
  'an event of this objective has been counted': async () => {
    await send('POST', '/api/v1/sync', offlineWork());
    await login();
  },
  'a request has been denied': () => reader.send('GET', '/api/v1/cases'),
  'a user has come near a limit': () => reader.send('GET', '/api/v1/cases'),
  'a policy runs in shadow mode': () => send('POST', '/api/v1/cases/search', { text: 'x' }),
  'the backup job has run (never on one machine)': async () => {
    const backup = new Redis(stack.backing.redis.port, {
      username: 'backup',
      password: 'backup',
      tls: { ca: stack.backing.authority.certificate },
    });
    await backup.set(lastBackupKey, Math.floor(Date.now() / 1_000) - 1);
    await backup.quit();
  },
  'a client has refreshed its token': async () => {
    const session = await replica.login(stack.backing.user('admin'));
    await refresh(session.refreshToken);
  },
  'a token has been refused': () => replica.send('GET', '/api/v1/auth/me', { token: 'forged' }),
  'a user has asked for what the role does not allow': () => send('GET', '/api/v1/users'),
  'a client has sent malformed HTTP': () =>
    exchange(replica.ports.api, 'NO HTTP\r\n\r\n', stack.backing.authority.certificate),
  'the collector has been away': () => replica.send('GET', '/health'),
  'an alert fires': async () => {
    const { refreshToken } = await replica.login(stack.backing.user('admin'));
    await refresh(refreshToken);
    // As if a minute had passed: used again soon, it would be a client that did not get the answer.
    const session = sessionKey(sessionOf(refreshToken) ?? '');
    await replica.service.context.data.hincrby(session, 'rotatedAt', -60);
    await refresh(refreshToken);
  },
  'Redis has been away': () => send('GET', '/api/v1/cases'),
  'a call to Redis has failed': () => send('GET', '/api/v1/cases'),
  'authentication has failed on our side': () => login(),
};
/** Those that need a Redis that is away. */
const outage = new Set(
  Object.keys(events).filter((event) => event.includes('Redis') || event.includes('our side')),
);

/** Panels of the edge stay empty here: this stack has none. */
const waiting = panelQueries('local').filter(
  ({ awaits }) => awaits !== undefined && !awaits.startsWith('the edge of this stack'),
);
/** What a query gives now. */
async function valuesOf(query: string): Promise<number[]> {
  const now = Date.now() / 1_000;
  const series = await prometheusAt(stack.prometheus).queryRange(query, { start: now, end: now, step: 1 });
  return series.flatMap(({ points }) => points.map(([, value]) => value));
}
/** Queries that give zeros before any event, as counters do whose labels are all known: then only more than 0 is news. */
const zeroBefore = new Set<string>();
async function shows({ query }: PanelQuery): Promise<boolean> {
  const values = await valuesOf(query);
  return zeroBefore.has(query) ? values.some((value) => value > 0) : values.length > 0;
}
/** Makes an event happen again and again until each of its panels shows it in one of its queries. */
async function happens(event: string): Promise<void> {
  const panels = Map.groupBy(
    waiting.filter(({ awaits }) => awaits === event),
    ({ place }) => place,
  );
  for (const end = Date.now() + 60_000; panels.size > 0; await sleep(1_000)) {
    await events[event]?.();
    for (const [place, queries] of panels)
      if ((await Promise.all(queries.map(shows))).some(Boolean)) panels.delete(place);
    if (Date.now() > end) throw new Error(`${event}: nothing on ${[...panels.keys()].join('; ')}`);
  }
}

it('every event that a panel waits for can be made to happen here', () => {
  expect(Object.keys(events).sort()).toEqual([...new Set(waiting.map(({ awaits }) => awaits))].sort());
});

it('panels that wait for an event show it when it happens, and nothing before', {
  timeout: 240_000,
}, async () => {
  for (const { place, query } of waiting) {
    const values = await valuesOf(query);
    expect(Math.max(0, ...values), `${place}: ${query}`).toBe(0);
    if (values.length > 0) zeroBefore.add(query);
  }
  worker = await replica.login(stack.backing.user('caseworker'));
  reader = await replica.login(stack.backing.user('reader'));
  const seen = Object.keys(events).filter((event) => !outage.has(event));
  await Promise.all(seen.map(happens));
  stack.backing.redis.signal('SIGKILL');
  await Promise.all([...outage].map(happens));
  await stack.restore();
});

it('a real Prometheus keeps the traces of the durations that panels show', async () => {
  const latency = panelQueries('local').filter(({ place }) => place === 'simple378, panel Latency');
  const now = Date.now() / 1_000;
  const url = new URL('/api/v1/query_exemplars', stack.prometheus);
  url.search = new URLSearchParams({
    query: latency[0]?.query ?? '',
    start: String(now - 300),
    end: String(now),
  }).toString();
  const { data } = (await (await request(url)).body.json()) as {
    data: { seriesLabels: Record<string, string>; exemplars: { labels: Record<string, string> }[] }[];
  };
  expect(data.map(({ seriesLabels }) => seriesLabels.__name__)).toContain(
    'http_request_duration_seconds_bucket',
  );
  const labels = data.flatMap(({ exemplars }) => exemplars.map((one) => one.labels));
  expect(labels.length).toBeGreaterThan(0);
  for (const one of labels) expect(one).toEqual({ trace_id: expect.stringMatching(/^[0-9a-f]{32}$/) });
});
