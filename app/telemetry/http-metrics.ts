import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { LabelsOf } from '../../contract/metrics.ts';
import type { Metrics } from './metrics.ts';

const methods = new Set<string>(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);

type Method = LabelsOf<'http_requests_total'>['method'];
type StatusClass = LabelsOf<'http_requests_total'>['status'];

/** Rate, errors and duration of requests, by route template: whatever URLs a scanner tries, the series stay few. */
export function measureRequests(app: FastifyInstance, metrics: Metrics): void {
  let inFlight = 0;
  const flight = (change: 1 | -1) => {
    inFlight += change;
    metrics.http_requests_in_flight.set({}, inFlight);
  };
  const open = new WeakSet<FastifyRequest>();
  const leave = (request: FastifyRequest) => {
    if (open.delete(request)) flight(-1);
  };
  app.addHook('onRequest', (request, _reply, done) => {
    open.add(request);
    flight(1);
    done();
  });
  app.addHook('onRequestAbort', (request, done) => {
    leave(request);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    leave(request);
    countRequest(metrics, request, reply);
    done();
  });
}

/** Counts one answer. */
export function countRequest(
  metrics: Metrics,
  request: Pick<FastifyRequest, 'method' | 'routeOptions'>,
  reply: Pick<FastifyReply, 'statusCode' | 'elapsedTime'>,
): void {
  const labels = { route: routeOf(request), method: methodOf(request.method) };
  const status = `${Math.floor(reply.statusCode / 100)}xx` as StatusClass;
  metrics.http_requests_total.inc({ ...labels, status });
  metrics.http_request_duration_seconds.observe(labels, reply.elapsedTime / 1_000);
}

/** The template of the route, never the URL. */
export const routeOf = ({ routeOptions }: Pick<FastifyRequest, 'routeOptions'>): string =>
  routeOptions?.url ?? 'unmatched';

const methodOf = (method: string): Method => (methods.has(method) ? (method as Method) : 'other');
