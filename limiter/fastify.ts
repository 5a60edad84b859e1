import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { Problem } from '../app/http/problem.ts';
import { type RouteClass, routeClasses } from '../contract/policies.ts';
import { rateLimitHeaders, retryAfterSeconds } from './headers.ts';
import { type Decision, NoSubject, type RateLimiter, type Subject } from './index.ts';

/** How the plugin is set up. */
export interface RateLimitOptions {
  readonly limiter: RateLimiter;
  /** Who sends a request, from what is known without I/O: called after the hooks registered before this plugin. */
  readonly subject: (request: FastifyRequest) => Subject;
  /** Told of each decision, for the `rate_limit_check` event. */
  readonly onDecision?: (decision: Decision, request: FastifyRequest, subject: Subject) => void;
}

/** Policies that hold for every request, before those of its route's class. */
const always = ['address', 'global'] as const;
/** The names that each class of route asks, made once: the limiter knows a list again by its identity. */
const policiesOf = Object.fromEntries(
  Object.entries(routeClasses).map(([name, own]) => [name, [...always, ...own]]),
) as unknown as Readonly<Record<RouteClass, readonly string[]>>;

const problemTypes = 'https://iana.org/assignments/http-problem-types';

const rateLimitFastify = fp(rateLimitPlugin, { name: 'simple378-rate-limit', fastify: '5.x' });

export { rateLimitFastify as rateLimit };

/**
 * Limits every request once: by `address`, `global` and the class that its route declares (`config.rateLimit`).
 *
 * Ordinary routes are decided in `onRequest`, before the body is read. A login is decided once its body is there, since
 * it names the account. Requests that never get that far (refused bodies, broken request lines) are decided where
 * their error is answered, through `limitOnce`. Every answer carries the fields of its decision.
 */
async function rateLimitPlugin(
  app: FastifyInstance,
  { limiter, subject, onDecision }: RateLimitOptions,
): Promise<void> {
  app.decorateRequest('rateLimitDecision', null);

  /** Decides, writes the fields, and goes on with nothing or with why not. Callbacks: this is on the path of every request. */
  const decide = (
    request: FastifyRequest,
    reply: FastifyReply,
    routeClass: RouteClass,
    done: (error?: Error) => void,
  ): void => {
    const who = subject(request);
    // Without a user there is nobody to charge but the address: a flood of bad tokens meets its policy.
    const own = who.userId === undefined && routeClass !== 'login' ? 'anonymous' : routeClass;
    limiter
      .check(who, policiesOf[own])
      .then((decision) => {
        request.rateLimitDecision = decision;
        reply.headers(rateLimitHeaders(decision));
        onDecision?.(decision, request, who);
        return decision.outcome === 'allow' ? undefined : refusal(decision);
      })
      .then(done, (error: unknown) =>
        done(
          error instanceof NoSubject
            ? new Problem(400, 'Bad Request', { detail: 'The address of the client is not known' })
            : (error as Error),
        ),
      );
  };

  const classOf = (request: FastifyRequest): RouteClass =>
    request.routeOptions?.config?.rateLimit ?? 'anonymous';

  app.decorate('limitOnce', (request: FastifyRequest, reply: FastifyReply) => {
    if (request.rateLimitDecision !== null) return Promise.resolve();
    return new Promise<void>((resolve, reject) =>
      decide(request, reply, classOf(request), (error) => (error ? reject(error) : resolve())),
    );
  });
  app.addHook('onRequest', (request, reply, done) => {
    const routeClass = classOf(request);
    if (routeClass === 'login') done();
    else decide(request, reply, routeClass, done);
  });
  app.addHook('preValidation', (request, reply, done) => {
    if (request.rateLimitDecision !== null) done();
    else decide(request, reply, classOf(request), done);
  });
}

/** What a refused client is told: 429 with a wait that is enough, or 503 when the store could not be asked. */
function refusal(decision: Decision): Problem {
  const seconds = retryAfterSeconds(decision);
  const retryAfter = { 'retry-after': String(seconds) };
  if (decision.outcome === 'unavailable') {
    return new Problem(503, 'Temporarily reduced capacity', {
      type: `${problemTypes}#temporary-reduced-capacity`,
      detail: 'This operation cannot be limited at the moment, and is not served without a limit',
      'violated-policies': decision.rules.map(({ policy }) => policy),
      headers: retryAfter,
    });
  }
  return new Problem(429, 'Rate limit exceeded', {
    type: `${problemTypes}#quota-exceeded`,
    detail: `Retry in ${seconds} s`,
    'violated-policies': decision.violated,
    retryAfterMs: Math.ceil(decision.retryAfterMs),
    headers: retryAfter,
  });
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Decides a request that no hook has decided yet; for error handlers.
     * @throws Problem 429 or 503
     */
    limitOnce(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  }
  interface FastifyRequest {
    rateLimitDecision: Decision | null;
  }
}
