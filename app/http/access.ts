import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { type Identity, roles } from './context.ts';
import { unauthorized } from './problem.ts';

/** The identity of a request on a route that is not public. */
export function identityOf(request: FastifyRequest): Identity {
  if (request.identity === null) throw unauthorized();
  return request.identity;
}

/** Deny by default: a route that does not declare who may call it, or how often, stops the boot. */
export function requireDeclarations(app: FastifyInstance): void {
  app.addHook('onRoute', (route: RouteOptions) => {
    const { access, rateLimit } = route.config ?? {};
    const known = access === 'public' || (access?.length && access.every((role) => roles.includes(role)));
    if (!known || rateLimit === undefined) {
      throw new Error(
        `${String(route.method)} ${route.url} declares no access or rate limit: set config.access and config.rateLimit`,
      );
    }
  });
}
