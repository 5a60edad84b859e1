import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { boards } from '../../dashboards/index.ts';
import { print } from '../../slo/promql.ts';
import { type Answer, send } from './http.ts';
import type { StackFile } from './stack-file.ts';

interface Account {
  readonly email: string;
  readonly password: string;
  readonly role: string;
}

/** A step that did not hold, and what was seen. */
class Failed extends Error {}

const quota = 100;
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
  const replica = (i: number) => stack.replicas[i % stack.replicas.length] ?? stack.edge;
  const tokens = new Map<Account, string>();
  let exhausted: Answer | undefined;

  const mainJob = async (): Promise<string> => {
    const created = await call(`${replica(0)}/api/v1/cases`, tokens.get(second), 'POST', {
      title: 'Smoke',
      description: 'made by npm start -- --smoke',
    });
    expect(created.status === 201, `create: status ${created.status}: ${created.text.slice(0, 200)}`);
    const at = String(created.headers.location);
    for (const i of [1, 0])
      expect(
        (await call(`${replica(i)}${at}`, tokens.get(second))).status === 200,
        `read on replica ${i + 1}`,
      );
    expect(
      (await call(`${replica(1)}${at}`, tokens.get(first))).status === 404,
      "another user's case must not be found",
    );
    const changed = await call(
      `${replica(1)}${at}`,
      tokens.get(second),
      'PATCH',
      { status: 'closed' },
      { 'if-match': '"1"' },
    );
    expect(changed.status === 200, `change: status ${changed.status}`);
    const synced = await call(`${replica(0)}/api/v1/sync`, tokens.get(second), 'POST', {
      operations: [],
      remaining: 3,
    });
    expect(synced.status === 200, `sync: status ${synced.status}: ${synced.text.slice(0, 200)}`);
    for (const [path, method, body] of [
      ['cases/search', 'POST', { text: 'smoke' }],
      ['cases/export', 'GET', undefined],
    ] as const) {
      expect(
        (await call(`${replica(1)}/api/v1/${path}`, tokens.get(second), method, body)).status === 200,
        path,
      );
    }
    expect((await call(`${replica(0)}${at}`, tokens.get(second), 'DELETE')).status === 204, 'delete');
    return 'create, read, change, sync, search, export, delete; 404 for others';
  };

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
    ['a case created on one replica is read on the other', mainJob],
    [
      `${quota} requests over both replicas pass, with truthful headers`,
      async () => {
        await untilUnused(() => call(`${replica(0)}/api/v1/cases`, tokens.get(limited)));
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
        for (const name of names) await eventually(stack.prometheus, name);
        return `${names.length} metrics`;
      },
    ],
    [
      'every dashboard query returns data',
      async () => {
        if (stack.prometheus === null) return 'skipped: no Prometheus here';
        let asked = 0;
        // Rates need traffic between two scrapes, and what came before the first scrape is no rate. A round that fails is seen
        // as a panel without data.
        const traffic = setInterval(() => void mainJob().catch(() => undefined), roundEveryMs);
        try {
          for (const { uid, rows } of boards) {
            for (const panel of rows.flatMap(({ panels }) => panels)) {
              // A panel that awaits an event has no data before it; the tests make these events happen.
              if (panel.awaits !== undefined) continue;
              for (const { expr } of panel.queries) {
                await eventually(
                  stack.prometheus,
                  asOnThisMachine(print(expr)),
                  `${uid}, panel ${panel.title}`,
                );
                asked += 1;
              }
            }
          }
        } finally {
          clearInterval(traffic);
        }
        return `${asked} queries`;
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
async function untilUnused(request: () => Promise<Answer>): Promise<void> {
  for (;;) {
    const { headers } = await request();
    if (headers['x-ratelimit-remaining'] === String(quota - 1)) return;
    await sleep(Math.max(0, Number(headers['x-ratelimit-reset']) * 1_000 - Date.now()) + 50);
  }
}

/** A dashboard's query with the values that its variables have here. */
const asOnThisMachine = (query: string): string =>
  query
    .replaceAll('$environment', 'local')
    .replaceAll('$instance', '.*')
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '1h');

/** Waits until a query returns data: scrapes take a while. */
async function eventually(prometheus: string, query: string, place = query): Promise<void> {
  let last = '';
  for (const end = Date.now() + metricsWithinMs; Date.now() < end; await sleep(1_000)) {
    const { status, text } = await send(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
    last = text.slice(0, 300);
    if (status === 200 && (JSON.parse(text) as { data: { result: unknown[] } }).data.result.length > 0)
      return;
    if (status === 400) break;
  }
  throw new Failed(`${place}: no data for ${query}: ${last}`);
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Failed(otherwise);
}
