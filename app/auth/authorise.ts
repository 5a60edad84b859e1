import type { FastifyRequest } from 'fastify';
import type { Context } from '../http/context.ts';
import { Problem, unauthorized } from '../http/problem.ts';
import { emit } from '../telemetry/events.ts';
import { routeOf } from '../telemetry/http-metrics.ts';
import type { UserStore } from '../users/store.ts';
import type { Sessions } from './sessions.ts';
import { createTokenVerifier, TokenRejected } from './tokens.ts';

/** The scheme is compared without case, and spaces may be repeated (RFC 9110 11.1 and 11.4). */
const bearer = /^Bearer +([^\s]+)$/i;

/**
 * Makes the hook that finds out who sends a request, without I/O: by the token's own proof. A token that is refused
 * leaves the request without identity, so that a flood of forged ones meets the limiter of its address first.
 */
export function identifier({
  settings,
  secrets,
  metrics,
}: Context): (request: FastifyRequest) => Promise<void> {
  const verify = createTokenVerifier({ issuer: settings.TOKEN_ISSUER, audience: settings.TOKEN_AUDIENCE });
  return async (request) => {
    const { authorization } = request.headers;
    if (authorization === undefined) return;
    try {
      const token = bearer.exec(authorization)?.[1];
      if (token === undefined) throw new TokenRejected('malformed');
      request.identity = await verify(token, secrets.current.tokenKeys);
    } catch (error) {
      if (!(error instanceof TokenRejected)) throw error;
      metrics.auth_token_rejected_total.inc({ reason: error.reason });
      emit(request.log, 'token_rejected', { reason: error.reason });
    }
  };
}

/**
 * Whether the identity still holds and the route admits it, asked of Redis for every request: what an admin revokes
 * stops with the next one, on every replica. Without Redis nobody is let in (503): cases are not there either.
 * @throws Problem 401, 403 or, from the store, 503
 */
export async function authorise(
  request: FastifyRequest,
  { metrics }: Context,
  { users, sessions }: { readonly users: UserStore; readonly sessions: Sessions },
): Promise<void> {
  const { access = [] } = request.routeOptions.config;
  if (access === 'public' || request.is404) return;
  const { identity } = request;
  if (identity === null) {
    if (request.headers.authorization === undefined)
      metrics.auth_token_rejected_total.inc({ reason: 'missing' });
    throw unauthorized();
  }
  const [standing, live] = await Promise.all([
    users.standing(identity.userId),
    sessions.isLive(identity.sessionId),
  ]);
  if (!live || standing === undefined || standing.disabled || standing.generation !== identity.generation) {
    metrics.auth_token_rejected_total.inc({ reason: 'revoked' });
    throw unauthorized();
  }
  request.identity = { ...identity, role: standing.role };
  if (!access.includes(standing.role)) {
    const route = routeOf(request);
    metrics.authz_denied_total.inc({ route });
    emit(request.log, 'access_denied', { role: standing.role, route });
    throw new Problem(403, 'Forbidden', { detail: 'Your role does not admit this operation' });
  }
}
