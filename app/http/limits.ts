import type { FastifyInstance, FastifyRequest } from 'fastify';
import { rateLimit } from '../../limiter/fastify.ts';
import type { Decision, Subject } from '../../limiter/index.ts';

import { emit } from '../telemetry/events.ts';
import { routeOf } from '../telemetry/http-metrics.ts';
import { countNearLimits } from '../telemetry/near-limits.ts';
import { PerSecond } from '../telemetry/per-second.ts';
import { pseudonym } from '../telemetry/pseudonym.ts';
import type { Context } from './context.ts';
import { normaliseEmail } from './text.ts';

/** Lines a second: each denial is told until a flood writes more; of what is admitted a sample is enough. */
const linesPerSecond = { denied: 50, admitted: 10 } as const;

/** Puts every request of a listener under the rate limits, and writes `rate_limit_check` for its decisions. */
export async function limitRequests(
  app: FastifyInstance,
  { limiter, metrics, secrets }: Context,
): Promise<void> {
  const noteNearLimit = countNearLimits(limiter, metrics);
  const denied = new PerSecond(linesPerSecond.denied);
  const admitted = new PerSecond(linesPerSecond.admitted);
  const onDecision = (decision: Decision, request: FastifyRequest, { userId }: Subject): void => {
    const { outcome, tightest } = decision;
    if (userId !== undefined) noteNearLimit(decision, userId);
    if (!(outcome === 'allow' ? admitted : denied).take()) return;
    emit(request.log, 'rate_limit_check', {
      operation: request.routeOptions?.config?.operation ?? routeOf(request),
      policy: tightest.policy,
      count: tightest.limit - tightest.remaining,
      limit: tightest.limit,
      allowed: outcome === 'allow',
      remaining: tightest.remaining,
      user: userId === undefined ? null : pseudonym(secrets.current.pseudonymKey, 'user', userId),
    });
  };
  await app.register(rateLimit, { limiter, subject, onDecision });
}

/** What is known of a request without I/O; the login name once the body is there. */
function subject({ ip, identity, body, routeOptions }: FastifyRequest): Subject {
  const { email } = (body ?? {}) as { email?: unknown };
  return {
    ip,
    userId: identity?.userId,
    role: identity?.role,
    account:
      routeOptions?.config?.rateLimit === 'login' && typeof email === 'string'
        ? normaliseEmail(email)
        : undefined,
    endpoint: routeOptions?.url,
    operation: routeOptions?.config?.operation,
  };
}
