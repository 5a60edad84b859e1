import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Context, Identity } from '../http/context.ts';
import { Problem, unauthorized } from '../http/problem.ts';
import { emit } from '../telemetry/events.ts';
import { routeOf } from '../telemetry/http-metrics.ts';
import type { UserStore } from '../users/store.ts';
import type { Sessions } from './sessions.ts';
import { createTokenVerifier, TokenRejected } from './tokens.ts';

/** RFC 9110 11.1: the scheme without case, one space or more, the credentials. */
const bearer = /^bearer +(\S+)$/i;

interface Stores {
  readonly users: UserStore;
  readonly sessions: Sessions;
}

/**
 * Adds the hook that sets `request.identity`: the token is verified, then Redis is read for session and account. So a
 * logout or a revoked role takes effect with the next request on every replica. A token that does not hold leaves the
 * request without identity, and the limiter charges its address, not the user that it names.
 */
export function identifySenders(app: FastifyInstance, context: Context, stores: Stores): void {
  const { settings, secrets, metrics } = context;
  const verify = createTokenVerifier({ issuer: settings.TOKEN_ISSUER, audience: settings.TOKEN_AUDIENCE });
  app.decorateRequest('identityError', undefined);
  app.addHook('onRequest', async (request) => {
    const { authorization } = request.headers;
    if (authorization === undefined) return;
    try {
      const token = bearer.exec(authorization)?.[1];
      if (token === undefined) throw new TokenRejected('malformed');
      const claimed = await verify(token, secrets.current.tokenKeys);
      // Charged to the user if Redis does not answer: the limiter has a local substitute, the session has none.
      request.identity = claimed;
      request.identity = await confirm(claimed, stores);
    } catch (error) {
      if (!(error instanceof TokenRejected)) {
        request.identityError = error;
        return;
      }
      request.identity = null;
      metrics.auth_token_rejected_total.inc({ reason: error.reason });
      if (error.reason !== 'revoked') emit(request.log, 'token_rejected', { reason: error.reason });
    }
  });
}

/** @throws TokenRejected when session or account no longer hold */
async function confirm(claimed: Identity, { users, sessions }: Stores): Promise<Identity> {
  const [standing, generation] = await Promise.all([
    users.standing(claimed.userId),
    sessions.generationOf(claimed.sessionId),
  ]);
  if (standing === undefined || standing.disabled || standing.generation !== generation)
    throw new TokenRejected('revoked');
  return { ...claimed, role: standing.role, generation };
}

/**
 * Refuses a request whose sender may not use its route. Without Redis nobody is let in, because the cases are there too.
 * @throws Problem 401, 403 or, from the store, 503
 */
export async function authorise(request: FastifyRequest, { metrics }: Context): Promise<void> {
  const { access = [] } = request.routeOptions.config;
  if (access === 'public' || request.is404) return;
  if (request.identityError !== undefined) throw request.identityError;
  const { identity } = request;
  if (identity === null) {
    if (request.headers.authorization === undefined)
      metrics.auth_token_rejected_total.inc({ reason: 'missing' });
    throw unauthorized();
  }
  if (!access.includes(identity.role)) {
    const route = routeOf(request);
    metrics.authz_denied_total.inc({ route });
    emit(request.log, 'access_denied', { role: identity.role, route });
    throw new Problem(403, 'Forbidden', { detail: 'Your role does not admit this operation' });
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The error of the store that kept a genuine token from being confirmed. */
    identityError: unknown;
  }
}
