import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../telemetry/metrics.ts';

/**
 * Counts and times case operations that reached their handler. Only an error of the service is a failure; a request
 * whose client left is neither.
 */
export function measureCases(app: FastifyInstance, metrics: Metrics): void {
  const reached = new WeakSet<FastifyRequest>();
  app.addHook('preHandler', (request, _reply, done) => {
    reached.add(request);
    done();
  });
  app.onSettled(({ request, status, seconds }) => {
    const { operation } = request.routeOptions.config;
    if (operation === undefined || status === 'aborted' || !reached.has(request)) return;
    metrics.case_operations_total.inc({ operation, status: status === '5xx' ? 'failure' : 'success' });
    metrics.case_operation_duration_seconds.observe({ operation }, seconds);
  });
}
