import exec from 'k6/execution';
import http, { type RefinedResponse, type RequestBody, type ResponseType } from 'k6/http';
import { Counter, Rate } from 'k6/metrics';
import { longestWaitSeconds } from '../scenarios/admissions.ts';
import { contradictions } from '../scenarios/headers.ts';
import { type Request, tagsOf } from '../scenarios/requests.ts';
import { judgedBy } from './objectives.ts';
import { run } from './run.ts';

/** An answer of the service. */
export type Answer = RefinedResponse<ResponseType | undefined>;

/** How a request is sent, beside what it says. */
export interface How {
  readonly token?: string;
  /** Index of the replica; in turn when absent. */
  readonly replica?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Every 429, by the denying policy: must equal the growth of the service's deny counters. */
const rateLimited = new Counter('rate_limited');
/** Answers that the service failed to give: 5xx, or none. */
export const failures = new Rate('failures');
/** Answers whose limiter headers are complete and agree. */
export const truthful = new Rate('truthful_headers');

const longestWait = Math.max(...run.policies.map(longestWaitSeconds));
let turn = 0;

// Being denied or refused is an answer, not a failed request.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 499 }));

/** Sends one request and records its answer. */
export function send(request: Request, how: How = {}): Answer {
  const { method, url, body, params } = prepared(request, how);
  return recorded(http.request(method, url, body, params));
}

/** Sends requests at once over connections of one address. */
export function sendAll(requests: readonly Request[], how: How = {}): Answer[] {
  return http.batch(requests.map((request) => prepared(request, how))).map(recorded);
}

/** The policies that a 429 names. */
export function violated(answer: Answer): string[] {
  // A HEAD has no body to name them.
  const body = answer.body ? (answer.json() as { 'violated-policies'?: unknown } | null) : null;
  const names = body?.['violated-policies'];
  return Array.isArray(names) ? names.map(String) : [];
}

function prepared(request: Request, how: How) {
  // Every virtual user starts at another replica, and then takes turns.
  const replica = how.replica ?? exec.vu.idInTest + turn++;
  const base = run.targets[replica % run.targets.length];
  return {
    method: request.method,
    url: `${base}${request.path}`,
    body: (request.body === undefined ? null : JSON.stringify(request.body)) as RequestBody | null,
    params: {
      headers: {
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(how.token === undefined ? {} : { authorization: `Bearer ${how.token}` }),
        ...request.headers,
        ...how.headers,
      },
      // `name` instead of the URL, else every case id would be a time series.
      tags: { name: request.route, ...tagsOf(request), ...judgedBy(request) },
      timeout: '20s',
    },
  };
}

function recorded(answer: Answer): Answer {
  failures.add(answer.status === 0 || answer.status >= 500);
  if (answer.status === 429) rateLimited.add(1, { policy: violated(answer)[0] ?? 'unnamed' });
  // A request that is shed was never decided, so its 503 has no limit to tell; it is counted as a failure.
  if (answer.status > 0 && answer.status < 500) {
    const problems = contradictions(answer.status, answer.headers, longestWait, Date.now() / 1000);
    truthful.add(problems.length === 0);
    if (problems.length > 0) console.warn(`${answer.status} ${answer.url}: ${problems.join('; ')}`);
  }
  return answer;
}
