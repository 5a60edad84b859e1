import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Metrics } from '../telemetry/metrics.ts';

/**
 * Counts and times case operations: those that reached their handler, so that what was refused before (limits, roles,
 * schemas) is no operation. A success answers below 400.
 */
export function measureCases(app: FastifyInstance, metrics: Metrics): void {
  const reached = new WeakSet<FastifyRequest>();
  app.addHook('preHandler', (request, _reply, done) => {
    reached.add(request);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { operation } = request.routeOptions.config;
    if (operation !== undefined && reached.has(request)) {
      const status = reply.statusCode < 400 ? 'success' : 'failure';
      metrics.case_operations_total.inc({ operation, status });
      metrics.case_operation_duration_seconds.observe({ operation }, reply.elapsedTime / 1_000);
    }
    done();
  });
}
