import type { FastifyInstance, RouteOptions } from 'fastify';
import { Problem } from './problem.ts';

const everyMethod = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE'];

/** Marks the routes that only say which methods a path has. */
export const refusesMethod = Symbol('refuses method');

/**
 * Collects the routes registered from now on. The function returned, called after the last of them, answers the other
 * methods of each path with 405 and `Allow` (ASVS 4.1.4); these are real routes, so that hooks and limits hold there too.
 */
export function refuseOtherMethods(app: FastifyInstance): () => void {
  const allowed = new Map<string, Set<string>>();
  app.addHook('onRoute', (route: RouteOptions) => {
    if (route.config && refusesMethod in route.config) return;
    const methods = allowed.get(route.url) ?? new Set();
    for (const method of [route.method].flat()) methods.add(method);
    allowed.set(route.url, methods);
  });
  return () => {
    for (const [url, methods] of allowed) {
      const allow = [...methods].sort().join(', ');
      const refuse = async (): Promise<never> => {
        throw new Problem(405, 'Method Not Allowed', {
          detail: `This path takes ${allow}`,
          headers: { allow },
        });
      };
      app.route({
        url,
        method: everyMethod.filter((method) => !methods.has(method)),
        config: { access: 'public', rateLimit: 'anonymous', [refusesMethod]: true },
        // Before the body is looked at, which these methods may not even have.
        onRequest: refuse,
        handler: refuse,
      });
    }
  };
}
