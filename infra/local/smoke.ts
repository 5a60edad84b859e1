import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { mainJob } from '../main-job.ts';
import { panelQueries, withoutData } from '../panel-data.ts';
import { type Answer, send } from './http.ts';
import { readPoliciesFile } from './policies-file.ts';
import type { StackFile } from './stack-file.ts';

interface Account {
  readonly email: string;
  readonly password: string;
  readonly role: string;
}

/** A step that did not hold, and what was seen. */
class Failed extends Error {}

/** Two scrapes and an evaluation, with slack. */
const metricsWithinMs = 45_000;
/** Five requests a round count against the quota of a user: 75 a minute. */
const roundEveryMs = 4_000;

/** Does the main job as users would, a line per step; whether all of it held. */
export async function smoke(stack: StackFile): Promise<boolean> {
  const accounts = JSON.parse(readFileSync(stack.users, 'utf8')) as Account[];
  const [first, second] = accounts.filter(({ role }) => role === 'caseworker');
  const limited = accounts.find(({ role }) => role === 'reader');
  if (first === undefined || second === undefined || limited === undefined)
    throw new Error(`${stack.users}: needs two caseworkers and a reader`);
  const quota = quotaOf(stack.policies, limited.role);
  const replica = (i: number) => stack.replicas[i % stack.replicas.length] ?? stack.edge;
  const tokens = new Map<Account, string>();
  let exhausted: Answer | undefined;

  let sent = 0;
  const onceMore = (): Promise<string> =>
    mainJob((who, method, path, body, headers) =>
      call(`${replica(sent++)}${path}`, tokens.get(who === 'owner' ? second : first), method, body, headers),
    );

  const steps: [string, () => Promise<string>][] = [
    [
      'security headers on an answer',
      async () => {
        const { headers } = await send(`${stack.edge}/`);
        const wanted = {
          'x-frame-options': 'DENY',
          'x-content-type-options': 'nosniff',
          'x-xss-protection': '1; mode=block',
          'strict-transport-security': 'max-age=31536000; includeSubDomains',
        };
        for (const [name, value] of Object.entries(wanted))
          expect(headers[name] === value, `${name} is ${headers[name]}, not ${value}`);
        expect(
          String(headers['content-security-policy']).includes("default-src 'none'"),
          'the CSP is not strict',
        );
        return `${Object.keys(wanted).length + 1} headers`;
      },
    ],
    [
      'plain HTTP serves nothing',
      async () => {
        const { status, headers } = await send(`${stack.plain}/api/v1/cases`);
        expect(
          status === 403 && headers.location === undefined,
          `status ${status}, location ${headers.location}`,
        );
        return '403, no redirect';
      },
    ],
    [
      'a wrong login is refused',
      async () => {
        const { status } = await login(stack, { ...first, password: 'not the password' });
        expect(status === 401, `status ${status}`);
        return '401';
      },
    ],
    [
      'three users log in',
      async () => {
        for (const account of [first, second, limited]) {
          const answer = await login(stack, account);
          expect(answer.status === 200, `status ${answer.status}: ${answer.text.slice(0, 200)}`);
          tokens.set(account, (JSON.parse(answer.text) as { accessToken: string }).accessToken);
        }
        return '3 tokens';
      },
    ],
    ['a case created on one replica is read on the other', onceMore],
    [
      `${quota} requests over both replicas pass, with truthful headers`,
      async () => {
        await untilUnused(quota, () => call(`${replica(0)}/api/v1/cases`, tokens.get(limited)));
        for (let i = 1; i < quota; i++) {
          const { status, headers } = await call(`${replica(i)}/api/v1/cases`, tokens.get(limited));
          expect(status === 200, `request ${i + 1}: status ${status}`);
          expect(
            headers['x-ratelimit-limit'] === String(quota),
            `request ${i + 1}: limit ${headers['x-ratelimit-limit']}`,
          );
          expect(
            headers['x-ratelimit-remaining'] === String(quota - 1 - i),
            `request ${i + 1}: remaining ${headers['x-ratelimit-remaining']}`,
          );
        }
        return `remaining ${quota - 1} down to 0`;
      },
    ],
    [
      `request ${quota + 1} is refused on both replicas`,
      async () => {
        for (const i of [0, 1]) {
          exhausted = await call(`${replica(i)}/api/v1/cases`, tokens.get(limited));
          expect(exhausted.status === 429, `replica ${i + 1}: status ${exhausted.status}`);
          expect(
            Number(exhausted.headers['retry-after']) >= 1,
            `retry-after ${exhausted.headers['retry-after']}`,
          );
          expect(
            String(exhausted.headers['content-type']).startsWith('application/problem+json'),
            'no problem document',
          );
        }
        return `429, Retry-After ${exhausted?.headers['retry-after']} s`;
      },
    ],
    [
      'another user is not affected',
      async () => {
        const { status } = await call(`${replica(0)}/api/v1/cases`, tokens.get(second));
        expect(status === 200, `status ${status}`);
        return '200';
      },
    ],
    [
      'the given metrics are in Prometheus',
      async () => {
        if (stack.prometheus === null) return 'skipped: no Prometheus here';
        const names = [
          'case_operations_total',
          'case_operation_duration_seconds_count',
          'active_users',
          'offline_sync_queue_depth',
          'cache_hit_ratio',
          'ratelimit_decisions_total',
        ];
        const prometheus = stack.prometheus;
        const missing = await withoutData(
          names.map((name) => ({ place: 'metric', query: name })),
          (query) => seriesOf(prometheus, query),
          metricsWithinMs,
        );
        expect(missing.length === 0, `no data: ${missing.map(({ query }) => query).join(', ')}`);
        return `${names.length} metrics`;
      },
    ],
    [
      'every dashboard query returns data',
      async () => {
        if (stack.prometheus === null) return 'skipped: no Prometheus here';
        const prometheus = stack.prometheus;
        // A panel that awaits an event has no data before it; the tests make these events happen.
        const queries = panelQueries('local').filter(({ awaits }) => awaits === undefined);
        // Rates need traffic between two scrapes, and what came before the first scrape is no rate. A round that fails is seen
        // as a panel without data.
        const traffic = setInterval(() => void onceMore().catch(() => undefined), roundEveryMs);
        try {
          const missing = await withoutData(queries, (query) => seriesOf(prometheus, query), metricsWithinMs);
          expect(
            missing.length === 0,
            missing.map(({ place, query }) => `${place}: no data for ${query}`).join('; '),
          );
        } finally {
          clearInterval(traffic);
        }
        return `${queries.length} queries`;
      },
    ],
    [
      'waiting for Retry-After is enough',
      async () => {
        const retryAfter = Number(exhausted?.headers['retry-after']);
        const reset = Number(exhausted?.headers['x-ratelimit-reset']) * 1_000;
        await sleep(Math.min(Math.max(0, reset - Date.now()) + 50, retryAfter * 1_000));
        const { status } = await call(`${replica(1)}/api/v1/cases`, tokens.get(limited));
        expect(status === 200, `status ${status} after waiting`);
        return '200';
      },
    ],
  ];

  let failures = 0;
  for (const [name, step] of steps) {
    const started = performance.now();
    const outcome = await step().then(
      (seen) => ({ ok: true, seen }),
      (error: Error) => ({ ok: false, seen: error.message }),
    );
    if (!outcome.ok) failures += 1;
    console.log(
      `  ${outcome.ok ? '✓' : '✗'} ${name}: ${outcome.seen} (${((performance.now() - started) / 1_000).toFixed(1)} s)`,
    );
  }
  console.log(
    failures === 0
      ? `smoke: all ${steps.length} steps hold`
      : `smoke: ${failures} of ${steps.length} steps do not hold`,
  );
  return failures === 0;
}

/** What the policy of ordinary requests admits a role in a window. */
function quotaOf(policies: string | null, role: string): number {
  const policy = readPoliciesFile(policies).find(({ name }) => name === 'default');
  if (policy === undefined) throw new Error('there is no policy named default');
  return policy.roles?.[role] ?? policy.quota;
}

const login = (stack: StackFile, { email, password }: Account): Promise<Answer> =>
  call(`${stack.edge}/api/v1/auth/login`, undefined, 'POST', { email, password });

function call(
  url: string,
  token?: string,
  method = 'GET',
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return send(url, {
    method,
    headers: {
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Sends a request until it is the first of its window: an earlier run may have used some of it. */
async function untilUnused(quota: number, request: () => Promise<Answer>): Promise<void> {
  for (;;) {
    const { headers } = await request();
    if (headers['x-ratelimit-remaining'] === String(quota - 1)) return;
    await sleep(Math.max(0, Number(headers['x-ratelimit-reset']) * 1_000 - Date.now()) + 50);
  }
}

/** @throws Failed with Prometheus' answer to a query that is wrong */
async function seriesOf(prometheus: string, query: string): Promise<number> {
  const { status, text } = await send(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
  if (status !== 200) throw new Failed(`${query}: status ${status}: ${text.slice(0, 300)}`);
  return (JSON.parse(text) as { data: { result: unknown[] } }).data.result.length;
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Failed(otherwise);
}
