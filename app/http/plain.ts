import type { FastifyInstance } from 'fastify';
import { readJsonBodies } from './bodies.ts';
import { createListener, type ListenerDependencies } from './listener.ts';
import { Problem } from './problem.ts';

/**
 * The plain port: says on every path that HTTPS is needed, and never redirects, since a redirect would let a client go
 * on sending its token in the clear unnoticed (ASVS 4.1.2).
 */
export function createPlain(deps: ListenerDependencies): FastifyInstance {
  const app = createListener(deps, undefined, {
    missing: () => new Problem(403, 'HTTPS Required', { detail: 'This API is served over HTTPS only' }),
  });
  readJsonBodies(app);
  return app;
}
