import type { FastifyInstance, FastifyRequest } from 'fastify';
import { networkOf } from '../../limiter/index.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { withoutBody } from './bodies.ts';
import { refusesMethod } from './methods.ts';
import { Problem, unavailable } from './problem.ts';

/** Bytes from which on an answer counts; smaller ones are bounded by the connections. */
const largeAnswer = 64 * 1_024;

/**
 * Bounds the bytes of bodies and large answers that requests hold, per user, per address and for the process. A request
 * is refused before its body is read: 413 where it is too large for its route, 429 where its sender holds too much
 * already, 503 where everybody does.
 * @param max bytes of the process; a user may hold a sixth of it, which the largest body fits in, an address a third
 */
export function boundBytesInFlight(app: FastifyInstance, metrics: Metrics, max: number): void {
  const held = new Map<string, number>();
  const byRequest = new WeakMap<FastifyRequest, [key: string, bytes: number][]>();
  const limits = { user: max / 6, address: max / 3, process: max };

  const refusalOf = (request: FastifyRequest, bytes: number): Problem | undefined => {
    const { identity, ip } = request;
    const owners = {
      process: 'process',
      address: `address ${networkOf(ip) ?? ip}`,
      ...(identity === null ? {} : { user: `user ${identity.userId}` }),
    };
    for (const [scope, key] of Object.entries(owners) as [keyof typeof limits, string][]) {
      if ((held.get(key) ?? 0) + bytes <= limits[scope]) continue;
      metrics.requests_refused_total.inc({ reason: `bytes_${scope}` });
      return scope === 'process'
        ? unavailable('The service holds as many bytes of requests as it can', 1)
        : new Problem(429, 'Too Many Requests', {
            detail: `Your requests under way hold as many bytes as this ${scope} may; wait until one is answered`,
            headers: { 'retry-after': '1' },
          });
    }
    const taken = byRequest.get(request) ?? [];
    for (const key of Object.values(owners)) {
      held.set(key, (held.get(key) ?? 0) + bytes);
      taken.push([key, bytes]);
    }
    byRequest.set(request, taken);
    return undefined;
  };

  app.addHook('onRequest', (request, _reply, done) => {
    const bytes = announcedBytes(request);
    if (bytes === 0) {
      done();
      return;
    }
    if (bytes > request.routeOptions.bodyLimit) {
      done(new Problem(413, 'Content Too Large', { detail: 'The body is larger than this route takes' }));
      return;
    }
    done(refusalOf(request, bytes));
  });
  app.addHook('onSend', (request, _reply, payload, done) => {
    const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0;
    const refusal = bytes < largeAnswer ? undefined : refusalOf(request, bytes);
    if (refusal) done(refusal);
    else done(null, payload);
  });
  app.onSettled(({ request }) => {
    for (const [key, bytes] of byRequest.get(request) ?? []) {
      const left = (held.get(key) ?? 0) - bytes;
      if (left > 0) held.set(key, left);
      else held.delete(key);
    }
    byRequest.delete(request);
  });
}

/** Bytes of the body as announced; a body without a length may be as long as its route takes. */
function announcedBytes({ headers, method, routeOptions }: FastifyRequest): number {
  if (withoutBody.has(method) || refusesMethod in routeOptions.config) return 0;
  if (headers['transfer-encoding'] !== undefined) return routeOptions.bodyLimit;
  const length = Number(headers['content-length'] ?? 0);
  return Number.isFinite(length) ? length : 0;
}
