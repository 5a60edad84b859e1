import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Context } from '../http/context.ts';
import { badRequest, Problem } from '../http/problem.ts';
import { emit } from '../telemetry/events.ts';
import { pseudonym } from '../telemetry/pseudonym.ts';
import { clearCookie, readCookie } from './cookie.ts';
import { csrfRefusal } from './csrf.ts';
import type { Accounts } from './index.ts';
import { sessionOf } from './refresh-token.ts';
import { RefreshBody, Tokens } from './schemas.ts';
import { answerTokens, bodyLimit } from './token-answer.ts';

const refreshRefused = () =>
  new Problem(401, 'Unauthorized', {
    detail: 'The refresh token is not valid: log in again',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  });

/** The routes that take a refresh token, from the body or from the cookie. */
export function refreshRoutes(plain: FastifyInstance, context: Context, accounts: Accounts): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const { settings, secrets, metrics } = context;
  const { users, sessions } = accounts;

  /** Returns the refresh token of a request. @throws Problem 403 for a cookie that another site may have sent */
  const presentedBy = (request: FastifyRequest, inBody: string | undefined): string | undefined => {
    if (inBody !== undefined) return inBody;
    const token = readCookie(request, 'refresh');
    const sessionId = token === undefined ? undefined : sessionOf(token);
    if (sessionId === undefined) return undefined;
    // Before the token is used: another site must not even be able to use it up.
    const reason = csrfRefusal(request, secrets.current.csrfKey, sessionId, settings.allowedOrigins);
    if (reason === undefined) return token;
    emit(request.log, 'csrf_refused', { reason });
    throw new Problem(403, 'Forbidden', {
      detail: 'A request with the refresh cookie needs X-CSRF-Token and must come from an allowed origin',
    });
  };

  app.post(
    '/api/v1/auth/refresh',
    {
      config: { access: 'public', rateLimit: 'anonymous' },
      bodyLimit,
      schema: {
        summary: 'Exchange a refresh token, in the body or the cookie, for new tokens',
        tags: ['auth'],
        body: RefreshBody,
        response: { 200: Tokens },
      },
    },
    async (request, reply) => {
      const inBody = request.body?.refreshToken;
      const { outcome, session } = await sessions.refresh(presentedBy(request, inBody) ?? '');
      const standing = session && (await users.standing(session.userId));
      const holds =
        standing !== undefined && !standing.disabled && standing.generation === session?.generation;
      metrics.auth_refresh_total.inc({ outcome: session && !holds ? 'invalid' : outcome });
      if (outcome === 'reuse') emit(request.log, 'refresh_reused', {});
      if (!session || !holds) throw refreshRefused();
      return answerTokens(reply, context, session, standing.role, inBody === undefined);
    },
  );

  app.post(
    '/api/v1/auth/logout',
    {
      config: { access: 'public', rateLimit: 'default' },
      bodyLimit,
      schema: {
        summary:
          'End the session of the access token, or of a refresh token alone; all its tokens stop working at once',
        tags: ['auth'],
        body: RefreshBody,
        response: { 204: { description: 'Signed out.', type: 'null' } },
      },
    },
    async (request, reply) => {
      if (request.identityError !== undefined) throw request.identityError;
      const inBody = request.body?.refreshToken;
      let userId = request.identity?.userId;
      if (request.identity === null) {
        userId = await sessions.endByToken(presentedBy(request, inBody) ?? '');
        if (userId === undefined) throw refreshRefused();
      } else {
        if (inBody !== undefined && sessionOf(inBody) !== request.identity.sessionId)
          throw badRequest([{ field: '/refreshToken', message: 'does not belong to this session' }]);
        await sessions.end(request.identity.sessionId);
      }
      emit(request.log, 'logged_out', {
        user: pseudonym(secrets.current.pseudonymKey, 'user', userId ?? ''),
      });
      clearCookie(reply, 'refresh');
      return reply.code(204).send(null);
    },
  );
}
