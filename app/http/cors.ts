import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';

const allowedHeaders = 'authorization, content-type, if-match, x-csrf-token';
const exposedHeaders =
  'etag, location, retry-after, ratelimit, ratelimit-policy, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id';

/** Returns the CORS headers of an answer to a request. */
export type CorsHeaders = (headers: IncomingHttpHeaders) => Readonly<Record<string, string>>;

/**
 * Lets the pages of exactly these origins read answers, refusals included: without the headers a page cannot read
 * `Retry-After`. With an empty list there is no CORS at all.
 */
export function corsHeaders(origins: readonly string[]): CorsHeaders {
  const known = new Set(origins);
  if (known.size === 0) return () => ({});
  return ({ origin }) =>
    origin === undefined || !known.has(origin)
      ? { vary: 'Origin' }
      : {
          vary: 'Origin',
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          'access-control-expose-headers': exposedHeaders,
          // The answer is meant for that page, which the default of this header would keep from it.
          'cross-origin-resource-policy': 'cross-origin',
        };
}

/** Answers preflights of the known origins. They count against the limits of their address like any request. */
export function answerPreflights(app: FastifyInstance, origins: readonly string[]): void {
  const known = new Set(origins);
  app.addHook('onRequest', async ({ headers, method }, reply) => {
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return;
    if (!known.has(headers.origin ?? '')) return;
    return reply
      .headers({
        'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
        'access-control-allow-headers': allowedHeaders,
        'access-control-max-age': '600',
      })
      .code(204)
      .send();
  });
}
