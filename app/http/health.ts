import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Lifecycle } from './listener.ts';
import { unavailable } from './problem.ts';

const config = { access: 'public', rateLimit: 'anonymous' } as const;
const Ok = Type.Object({ status: Type.Literal('ok') });
const ok = { status: 'ok' } as const;
const schema = (summary: string) => ({ summary, tags: ['health'], response: { 200: Ok } });

/** On the API port: that somebody answers, and nothing else. */
export function publicHealthRoutes(app: FastifyInstance): void {
  app.get('/', { config, schema: schema('That the service answers') }, async () => ok);
  app.get('/health', { config, schema: schema('That the service answers') }, async () => ok);
}

/**
 * On the internal port. Live: the process turns its loop. Ready: booted and not draining; a Redis that went away later
 * is degradation, not a reason to take every replica out of service at once.
 */
export function probeRoutes(app: FastifyInstance, lifecycle: Lifecycle): void {
  app.get('/health/live', { config }, async () => ok);
  app.get('/health/startup', { config }, async () => {
    if (!lifecycle.booted) throw unavailable('Redis was not reached yet', 1);
    return ok;
  });
  app.get('/health/ready', { config }, async () => {
    if (lifecycle.draining) throw unavailable('The process is ending', 1);
    if (!lifecycle.booted) throw unavailable('Redis was not reached yet', 1);
    return ok;
  });
}
