import type { FastifyInstance } from 'fastify';
import { emit } from './events.ts';
import { routeOf } from './http-metrics.ts';

/**
 * Logs how each request ended, so that a question about one request has an answer: all 5xx, and a sample of the rest.
 * @param pseudonymOf returns the name that stands for a user in the log
 */
export function logRequests(app: FastifyInstance, pseudonymOf: (userId: string) => string): void {
  app.onSettled(({ request, status, statusCode, seconds }) => {
    const { identity, log, method } = request;
    const fields = {
      route: routeOf(request),
      method,
      status: statusCode,
      duration_ms: Math.round(seconds * 1_000),
      user: identity === null ? null : pseudonymOf(identity.userId),
    };
    emit(log, 'request_completed', fields, `request_completed ${status}`);
  });
}
