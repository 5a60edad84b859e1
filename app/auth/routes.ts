import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { LabelsOf } from '../../contract/metrics.ts';
import { networkOf } from '../../limiter/index.ts';
import { identityOf } from '../http/access.ts';
import { type Context, type Role, roles } from '../http/context.ts';
import { badRequest, Problem } from '../http/problem.ts';
import { normaliseEmail } from '../http/text.ts';
import { emit } from '../telemetry/events.ts';
import { pseudonym } from '../telemetry/pseudonym.ts';
import { clearRefreshCookie, readRefreshCookie, setRefreshCookie } from './cookie.ts';
import { createCsrfToken, csrfRefusal } from './csrf.ts';
import type { Accounts } from './index.ts';
import { isTooLong } from './passwords.ts';
import { Account, KeySet, LoginBody, RefreshBody, Tokens } from './schemas.ts';
import { type Session, sessionOf } from './sessions.ts';
import { accessTokenSeconds, issueAccessToken } from './tokens.ts';

/** Bytes; a login is small, and what is larger need not be parsed. */
const bodyLimit = 4 * 1_024;

type LoginResult = LabelsOf<'auth_login_total'>['result'];
const loginResults: Readonly<Record<number, LoginResult>> = {
  200: 'success',
  401: 'failure',
  429: 'throttled',
  503: 'overloaded',
};

/** One text for every reason: unknown, disabled or wrong. */
const loginRefused = () =>
  new Problem(401, 'Unauthorized', {
    detail: 'Wrong e-mail address or password',
    headers: { 'www-authenticate': 'Bearer' },
  });

const refreshRefused = () =>
  new Problem(401, 'Unauthorized', {
    detail: 'The refresh token is not valid: log in again',
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  });

/** Login, refresh, logout, who am I, and the keys that verify our tokens. */
export function authRoutes(plain: FastifyInstance, context: Context, accounts: Accounts): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const { settings, secrets, metrics } = context;
  const { users, sessions, passwords, backoff } = accounts;

  const answer = async (reply: FastifyReply, session: Session, role: Role, byCookie: boolean) => {
    const accessToken = await issueAccessToken({ ...session, role }, secrets.current.tokenKeys, {
      issuer: settings.TOKEN_ISSUER,
      audience: settings.TOKEN_AUDIENCE,
    });
    if (byCookie) setRefreshCookie(reply, session.refreshToken);
    const refresh = byCookie
      ? { csrfToken: createCsrfToken(secrets.current.csrfKey, session.sessionId) }
      : { refreshToken: session.refreshToken };
    return { accessToken, tokenType: 'Bearer' as const, expiresIn: accessTokenSeconds, ...refresh };
  };

  app.post(
    '/api/v1/auth/login',
    {
      config: { access: 'public', rateLimit: 'login' },
      bodyLimit,
      schema: {
        summary: 'Sign in with e-mail address and password',
        tags: ['auth'],
        body: LoginBody,
        response: { 200: Tokens },
      },
      onResponse: async (_request, reply) => {
        const result = loginResults[reply.statusCode];
        if (result) metrics.auth_login_total.inc({ result });
      },
    },
    async (request, reply) => {
      const { email, password, refreshIn } = request.body;
      if (isTooLong(password))
        throw badRequest([{ field: '/password', message: 'is longer than 256 bytes' }]);
      const { pseudonymKey } = secrets.current;
      const account = pseudonym(pseudonymKey, 'account', normaliseEmail(email));
      const pair = pseudonym(pseudonymKey, 'account', `${account} ${networkOf(request.ip)}`);
      await backoff.assertAllowed(pair).catch((error: unknown) => {
        if (error instanceof Problem) emit(request.log, 'login_delayed', { account });
        throw error;
      });
      const user = await users.findByEmail(email);
      const usable = user?.disabled ? undefined : user;
      if (!(await passwords.verify(usable?.passwordHash, password)) || !usable) {
        await backoff.failed(pair);
        emit(request.log, 'login_failed', { account });
        throw loginRefused();
      }
      await backoff.succeeded(pair);
      if (passwords.isOutdated(usable.passwordHash)) {
        await users.rehash(usable.id, await passwords.hash(password));
      }
      const session = await sessions.start(usable.id, usable.generation);
      emit(request.log, 'login_succeeded', { user: pseudonym(pseudonymKey, 'user', usable.id) });
      return answer(reply, session, usable.role, refreshIn === 'cookie');
    },
  );

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
      const byCookie = request.body === null || request.body === undefined;
      const presented = byCookie ? readRefreshCookie(request) : request.body?.refreshToken;
      const sessionId = presented === undefined ? undefined : sessionOf(presented);
      if (byCookie && sessionId !== undefined) {
        // Before the token is touched: another site must not even be able to use it up.
        const { csrfKey } = secrets.current;
        const reason = csrfRefusal(request, csrfKey, sessionId, settings.allowedOrigins);
        if (reason !== undefined) {
          emit(request.log, 'csrf_refused', { reason });
          throw new Problem(403, 'Forbidden', {
            detail: 'A refresh by cookie needs X-CSRF-Token and must come from our own pages',
          });
        }
      }
      const { outcome, session } = await sessions.refresh(presented ?? '');
      const standing = session && (await users.standing(session.userId));
      const holds =
        standing !== undefined && !standing.disabled && standing.generation === session?.generation;
      metrics.auth_refresh_total.inc({ outcome: session && !holds ? 'invalid' : outcome });
      if (outcome === 'reuse') emit(request.log, 'refresh_reused', {});
      if (!session || !holds) throw refreshRefused();
      return answer(reply, session, standing.role, byCookie);
    },
  );

  app.post(
    '/api/v1/auth/logout',
    {
      config: { access: roles, rateLimit: 'default' },
      bodyLimit,
      schema: {
        summary: 'End the session: its access and refresh tokens stop working at once, everywhere',
        tags: ['auth'],
        body: RefreshBody,
        response: { 204: { description: 'Signed out.', type: 'null' } },
      },
    },
    async (request, reply) => {
      const { sessionId, userId } = identityOf(request);
      if (request.body && sessionOf(request.body.refreshToken) !== sessionId) {
        throw badRequest([{ field: '/refreshToken', message: 'does not belong to this session' }]);
      }
      await sessions.end(sessionId);
      emit(request.log, 'logged_out', { user: pseudonym(secrets.current.pseudonymKey, 'user', userId) });
      clearRefreshCookie(reply);
      return reply.code(204).send(null);
    },
  );

  app.get(
    '/api/v1/auth/me',
    {
      config: { access: roles, rateLimit: 'default' },
      schema: { summary: 'The account that is signed in', tags: ['auth'], response: { 200: Account } },
    },
    async (request) => {
      const user = await users.find(identityOf(request).userId);
      if (user === undefined) throw refreshRefused();
      return user;
    },
  );

  app.get(
    '/.well-known/jwks.json',
    {
      config: { access: 'public', rateLimit: 'anonymous' },
      schema: { summary: 'The keys that verify access tokens', tags: ['auth'], response: { 200: KeySet } },
    },
    async () => ({ keys: [...secrets.current.tokenKeys.byId.values()].map(({ jwk }) => jwk as never) }),
  );
}
