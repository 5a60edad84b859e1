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
import { normaliseEmail } from './text.ts';

/** Log lines a second. Every denial is logged until a flood exceeds this; of admissions a sample is enough. */
const linesPerSecond = { denied: 50, admitted: 10 } as const;

/** A login is decided once its body was read, because the body names the account. */
const limitsByClass = Object.fromEntries(
  Object.entries(routeClasses).map(([name, policies]) => [name, { policies, needsBody: name === 'login' }]),
) as unknown as Readonly<Record<RouteClass, RouteLimits>>;

/**
 * Puts every request of a listener under the rate limits, and logs `rate_limit_check`.
 * @param loginBackoff returns the seconds that a failed login of this account and address has to wait
 */
export async function limitRequests(
  app: FastifyInstance,
  { limiter, metrics, secrets }: Context,
  loginBackoff: (request: FastifyRequest, account: string) => Promise<number> = async () => 0,
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
  const onRefused = async (decision: Decision, request: FastifyRequest): Promise<Problem> => {
    const account = accountOf(request);
    // Without the backoff of failed logins a client that waited as told would be refused again.
    const minSeconds =
      account !== undefined && decision.outcome === 'deny'
        ? await loginBackoff(request, account).catch(() => 0)
        : 0;
    const { headers, problem } = new RateLimitRefusal(decision, minSeconds);
    const { title, status, ...members } = problem;
    return new Problem(status as number, title as string, { ...members, headers });
  };
  await app.register(rateLimit, {
    limiter,
    subject: subjectOf,
    limitsOf,
    onDecision,
    onRefused,
  });
}

/** Without a user only the address can be charged, so a flood of invalid tokens meets the policy of its address. */
function limitsOf(request: FastifyRequest, { userId }: Subject): RouteLimits {
  const declared = request.routeOptions?.config?.rateLimit ?? 'anonymous';
  return limitsByClass[userId === undefined && declared !== 'login' ? 'anonymous' : declared];
}

/** Returns the facts about the sender that are known without I/O. */
function subjectOf(request: FastifyRequest): Subject {
  const { ip, identity, routeOptions } = request;
  return {
    ip,
    userId: identity?.userId,
    role: identity?.role,
    account: accountOf(request),
    endpoint: routeOptions?.url,
    operation: routeOptions?.config?.operation,
  };
}

/** Returns the login name that a login tries, once its body was read. */
function accountOf({ body, routeOptions }: FastifyRequest): string | undefined {
  const { email } = (body ?? {}) as { email?: unknown };
  return routeOptions?.config?.rateLimit === 'login' && typeof email === 'string'
    ? normaliseEmail(email)
    : undefined;
}
