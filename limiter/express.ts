import type { IncomingMessage, ServerResponse } from 'node:http';
import { rateLimitHeaders } from './headers.ts';
import type { RateLimiter, Subject } from './index.ts';
import { RateLimitRefusal } from './refusal.ts';

/** The limits of the routes behind the middleware. */
export interface MiddlewareOptions<Request extends IncomingMessage> {
  readonly limiter: RateLimiter;
  readonly policies: readonly string[];
  /** Returns the sender. Default: the peer's address; behind a proxy give the address that it reports. */
  readonly subject?: (request: Request) => Subject;
  /** Returns the units that a request consumes. Default: the cost of each policy. */
  readonly cost?: (request: Request) => number;
}

/** Returns a middleware for Express, Connect and `node:http`: sets the fields, and answers 429 or 503 itself. */
export function rateLimit<Request extends IncomingMessage>(options: MiddlewareOptions<Request>) {
  const { limiter, policies, cost } = options;
  const subject: (request: Request) => Subject =
    options.subject ?? ((request) => ({ ip: request.socket.remoteAddress ?? '' }));
  return async (
    request: Request,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): Promise<void> => {
    try {
      const sender = subject(request);
      const decision = await limiter.check(sender, policies, cost?.(request));
      response.setHeaders(new Map(Object.entries(rateLimitHeaders(decision, sender.userId === undefined))));
      if (decision.outcome === 'allow') return next();
      const { statusCode, headers, problem } = new RateLimitRefusal(decision);
      response.writeHead(statusCode, { ...headers, 'content-type': 'application/problem+json' });
      response.end(JSON.stringify(problem));
    } catch (error) {
      next(error);
    }
  };
}
