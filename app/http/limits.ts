import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type RouteClass, routeClasses } from '../../contract/policies.ts';
import { RateLimitRefusal, type RouteLimits, rateLimit } from '../../limiter/fastify.ts';
import type { Decision, Subject } from '../../limiter/index.ts';
import { emit } from '../telemetry/events.ts';
import { routeOf } from '../telemetry/http-metrics.ts';
import { countNearLimits } from '../telemetry/near-limits.ts';
import { PerSecond } from '../telemetry/per-second.ts';
import { pseudonym } from '../telemetry/pseudonym.ts';
import type { Context } from './context.ts';
import { Problem } from './problem.ts';

/** Log lines a second. Every denial is logged until a flood exceeds this; of admissions a sample is enough. */
const linesPerSecond = { denied: 50, admitted: 10 } as const;

/** A login is decided once its body was read, because the body names the account. */
const limitsByClass = Object.fromEntries(
  Object.entries(routeClasses).map(([name, policies]) => [name, { policies, needsBody: name === 'login' }]),
) as unknown as Readonly<Record<RouteClass, RouteLimits>>;

/** The facts about an attempt to sign in that the limits need. */
export interface LoginAttempt {
  /** Name of the window of account policies. */
  readonly window: string;
  /** Seconds for which the backoff of failed attempts refuses it. */
  readonly waitSeconds: number;
}

/** Bytes of a batch that one unit of its quota pays for. */
const bytesPerUnit = 32 * 1_024;

/** A batch costs as much as it brings; one without a length costs as much as the largest. */
const batchLimits: RouteLimits = {
  ...limitsByClass.intensive,
  cost: ({ headers, routeOptions }) =>
    Math.ceil(Number(headers['content-length'] ?? routeOptions.bodyLimit) / bytesPerUnit),
};

/**
 * Puts every request of a listener under the rate limits, and logs `rate_limit_check`. An attempt that the backoff refuses
 * consumes nothing; its `Retry-After` is the longest wait of all that refuse it.
 */
export async function limitRequests(
  app: FastifyInstance,
  { limiter, metrics, secrets }: Context,
  attemptOf: (request: FastifyRequest) => LoginAttempt | null = () => null,
): Promise<void> {
  const noteNearLimit = countNearLimits(limiter, metrics);
  const denied = new PerSecond(linesPerSecond.denied);
  const admitted = new PerSecond(linesPerSecond.admitted);
  const onDecision = (decision: Decision, request: FastifyRequest, { userId }: Subject): void => {
    const { outcome, tightest } = decision;
    if (userId !== undefined) noteNearLimit(decision, userId);
    if (!(outcome === 'allow' ? admitted : denied).take()) return;
    const { policy = 'none', limit = 0, remaining = 0 } = tightest ?? {};
    emit(request.log, 'rate_limit_check', {
      operation: request.routeOptions?.config?.operation ?? routeOf(request),
      policy,
      count: limit - remaining,
      limit,
      allowed: outcome === 'allow',
      remaining,
      user: userId === undefined ? null : pseudonym(secrets.current.pseudonymKey, 'user', userId),
    });
  };
  const waitOf = (request: FastifyRequest): number => attemptOf(request)?.waitSeconds ?? 0;
  const onRefused = (decision: Decision, request: FastifyRequest): Problem => {
    const { headers, problem } = new RateLimitRefusal(decision, waitOf(request));
    const { title, status, ...members } = problem;
    return new Problem(status as number, title as string, { ...members, headers });
  };
  await app.register(rateLimit, {
    limiter,
    subject: (request) => ({ ...subjectOf(request), account: attemptOf(request)?.window }),
    limitsOf,
    refusedFor: waitOf,
    onDecision,
    onRefused,
  });
}

/** Without a user only the address can be charged, so a flood of invalid tokens meets the policy of its address. */
function limitsOf(request: FastifyRequest, { userId }: Subject): RouteLimits {
  const declared = request.routeOptions?.config?.rateLimit ?? 'anonymous';
  if (userId === undefined && declared !== 'login') return limitsByClass.anonymous;
  return request.routeOptions?.config?.operation === 'sync' ? batchLimits : limitsByClass[declared];
}

/** Returns the facts about the sender that are known without I/O. */
function subjectOf({ ip, identity, routeOptions }: FastifyRequest): Subject {
  return {
    ip,
    userId: identity?.userId,
    role: identity?.role,
    endpoint: routeOptions?.url,
    operation: routeOptions?.config?.operation,
  };
}
