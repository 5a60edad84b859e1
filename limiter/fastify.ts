import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { rateLimitHeaders } from './headers.ts';
import type { Decision, RateLimiter, Subject } from './index.ts';
import { RateLimitRefusal } from './refusal.ts';

export { RateLimitRefusal } from './refusal.ts';

/** The limits of a route, in its `config.rateLimit` or from the plugin's `limitsOf`. */
export interface RouteLimits {
  /** Names of the policies; none for a route without limits. */
  readonly policies: readonly string[];
  /** Units that a request consumes in place of the policies' own cost, for example the operations of a batch. */
  readonly cost?: (request: FastifyRequest) => number;
  /** True when the subject or the cost needs the body: then the request is decided once the body was read. */
  readonly needsBody?: boolean;
}

/** The options of the plugin. */
export interface RateLimitOptions {
  readonly limiter: RateLimiter;
  /** Returns the sender of a request. It runs after the hooks registered before this plugin, and must not do I/O. */
  readonly subject: (request: FastifyRequest) => Subject;
  /** Returns the limits of a request. Default: the route's `config.rateLimit`. */
  readonly limitsOf?: (request: FastifyRequest, subject: Subject) => RouteLimits;
  /** Returns the seconds for which something else, such as a backoff, refuses a request; it then consumes nothing. */
  readonly refusedFor?: (request: FastifyRequest) => number;
  /** Called after each decision. */
  readonly onDecision?: (decision: Decision, request: FastifyRequest, subject: Subject) => void;
  /** Returns the error that refuses a request. Default: the refusal, which answers 429 or 503 with a problem document. */
  readonly onRefused?: (decision: Decision, request: FastifyRequest) => Error | Promise<Error>;
}

const unlimited: RouteLimits = { policies: [] };

/**
 * Limits every request once. A route is decided in `onRequest`, before its body is read, or in `preValidation` when its
 * limits need the body. Requests that fail earlier (refused bodies, malformed request lines) are decided by the error
 * handler through `limitOnce`. Every answer carries the fields of its decision.
 */
export async function rateLimit(
  app: FastifyInstance,
  { limiter, subject, refusedFor, onDecision, onRefused, limitsOf = declaredLimits }: RateLimitOptions,
): Promise<void> {
  app.decorateRequest('rateLimitDecision', null);

  /** Decides a request, sets the fields, and continues with nothing or with the refusal. Callbacks, for speed. */
  const decide = (
    request: FastifyRequest,
    reply: FastifyReply,
    sender: Subject,
    { policies, cost }: RouteLimits,
    done: (error?: Error) => void,
  ): void => {
    const refusedSeconds = refusedFor?.(request) ?? 0;
    const decided =
      refusedSeconds > 0 ? limiter.peek(sender, policies) : limiter.check(sender, policies, cost?.(request));
    decided
      .then((decision) => {
        request.rateLimitDecision = decision;
        reply.headers(rateLimitHeaders(decision, sender.userId === undefined));
        if (refusedSeconds === 0) onDecision?.(decision, request, sender);
        if (decision.outcome === 'allow') return;
        if (onRefused) return onRefused(decision, request);
        const refusal = new RateLimitRefusal(decision, refusedSeconds);
        reply.headers(refusal.headers);
        return refusal;
      })
      .then(done as (error?: Error) => void, done);
  };

  app.decorate('limitOnce', (request: FastifyRequest, reply: FastifyReply) => {
    if (request.rateLimitDecision !== null) return Promise.resolve();
    const sender = subject(request);
    const limits = limitsOf(request, sender);
    if (limits.policies.length === 0) return Promise.resolve();
    return new Promise<void>((resolve, reject) =>
      decide(request, reply, sender, limits, (error) => (error ? reject(error) : resolve())),
    );
  });
  app.addHook('onRequest', (request, reply, done) => {
    const sender = subject(request);
    const limits = limitsOf(request, sender);
    if (limits.needsBody || limits.policies.length === 0) done();
    else decide(request, reply, sender, limits, done);
  });
  app.addHook('preValidation', (request, reply, done) => {
    if (request.rateLimitDecision !== null) return done();
    const sender = subject(request);
    const limits = limitsOf(request, sender);
    if (limits.policies.length === 0) done();
    else decide(request, reply, sender, limits, done);
  });
}

// The hooks must apply to the instance that registers the plugin, not to a scope of their own.
Object.assign(rateLimit, { [Symbol.for('skip-override')]: true });

function declaredLimits(request: FastifyRequest): RouteLimits {
  const config: unknown = request.routeOptions?.config;
  return (config as { rateLimit?: RouteLimits } | undefined)?.rateLimit ?? unlimited;
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Decides a request that no hook has decided yet; for error handlers.
     * @throws RateLimitRefusal, or the error of `onRefused`
     */
    limitOnce(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  }
  interface FastifyRequest {
    rateLimitDecision: Decision | null;
  }
}
