import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { LabelsOf } from '../../contract/metrics.ts';
import type { Metrics } from './metrics.ts';

const methods = new Set<string>(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);

type Labels = LabelsOf<'http_requests_total'>;

/** Measures rate, errors and duration of requests by route template, so that a scanner's URLs make no series. */
export function measureRequests(app: FastifyInstance, metrics: Metrics): void {
  let inFlight = 0;
  const change = (by: 1 | -1) => {
    inFlight += by;
    metrics.http_requests_in_flight.set({}, inFlight);
  };
  metrics.http_requests_in_flight.set({}, 0);
  app.addHook('onRequest', (_request, _reply, done) => {
    change(1);
    done();
  });
  app.onSettled(({ request, status, seconds }) => {
    change(-1);
    count(metrics, request, status, seconds);
  });
}

/** Starts the counters of a route at 0: `increase()` never sees the first event of a series that appears with it. */
export function startCounters(metrics: Metrics, route: string, method: string): void {
  for (const status of ['2xx', '4xx', '5xx', 'aborted'] as const)
    metrics.http_requests_total.inc({ route, method: toMethod(method), status }, 0);
  metrics.authz_denied_total.inc({ route }, 0);
}

/** Starts the counters of rate-limit policies at 0, for the same reason. */
export function startPolicyCounters(metrics: Metrics, policies: readonly { readonly name: string }[]): void {
  for (const { name: policy } of policies) {
    metrics.ratelimit_local_admissions_total.inc({ policy }, 0);
    for (const decision of ['allow', 'deny'] as const) {
      metrics.ratelimit_shadow_total.inc({ policy, decision }, 0);
      metrics.ratelimit_decisions_total.inc({ policy, decision, source: 'redis' }, 0);
      metrics.ratelimit_decisions_total.inc({ policy, decision, source: 'local' }, 0);
    }
    metrics.ratelimit_decisions_total.inc({ policy, decision: 'deny', source: 'deny_cache' }, 0);
    metrics.ratelimit_decisions_total.inc({ policy, decision: 'unavailable', source: 'local' }, 0);
  }
}

/** Counts an answer to a request line that Fastify refused before any hook. */
export function countRefusedLine(
  metrics: Metrics,
  request: FastifyRequest,
  reply: Pick<FastifyReply, 'statusCode' | 'elapsedTime'>,
): void {
  const status = `${Math.floor(reply.statusCode / 100)}xx` as Labels['status'];
  count(metrics, request, status, reply.elapsedTime / 1_000);
}

/** The template of the route, never the URL. */
export const routeOf = ({ routeOptions }: Pick<FastifyRequest, 'routeOptions'>): string =>
  routeOptions?.url ?? 'unmatched';

function count(metrics: Metrics, request: FastifyRequest, status: Labels['status'], seconds: number): void {
  const labels = { route: routeOf(request), method: toMethod(request.method) };
  metrics.http_requests_total.inc({ ...labels, status });
  metrics.http_request_duration_seconds.observe(labels, seconds);
}

const toMethod = (method: string): Labels['method'] =>
  methods.has(method) ? (method as Labels['method']) : 'other';
