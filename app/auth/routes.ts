import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { LabelsOf } from '../../contract/metrics.ts';
import { identityOf } from '../http/access.ts';
import { type Context, roles } from '../http/context.ts';
import { badRequest, Problem, unauthorized } from '../http/problem.ts';
import { isTooLong, maxPasswordBytes, weakness } from '../settings/weak-passwords.ts';
import { emit } from '../telemetry/events.ts';
import { pseudonym } from '../telemetry/pseudonym.ts';
import { Account } from '../users/schemas.ts';
import type { UserWithPassword } from '../users/store.ts';
import { setCookie } from './cookie.ts';
import type { Accounts } from './index.ts';
import { attemptOf, deviceLife } from './login-guard.ts';
import { refreshRoutes } from './refresh-routes.ts';
import { KeySet, LoginBody, PasswordBody, Tokens } from './schemas.ts';
import { answerTokens, bodyLimit } from './token-answer.ts';

type LoginResult = LabelsOf<'auth_login_total'>['result'];
const loginResults: Readonly<Record<number, LoginResult>> = {
  200: 'success',
  401: 'failure',
  429: 'throttled',
  503: 'overloaded',
};

/** The same answer for an unknown account, a disabled one and a wrong password. */
const loginRefused = () =>
  new Problem(401, 'Unauthorized', {
    detail: 'Wrong e-mail address or password',
    headers: { 'www-authenticate': 'Bearer' },
  });

/** Login, change of the own password, the own account, refresh and logout, and the keys that verify tokens. */
export function authRoutes(plain: FastifyInstance, context: Context, accounts: Accounts): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const { secrets, metrics } = context;
  const { users, sessions, passwords, guard } = accounts;
  const userOf = (userId: string) => pseudonym(secrets.current.pseudonymKey, 'user', userId);

  /** Checks a password under the backoff. @throws Problem 400, 429 or 503 */
  const verify = async (
    request: FastifyRequest,
    field: string,
    password: string,
    user: UserWithPassword | undefined,
  ): Promise<boolean> => {
    if (isTooLong(password))
      throw badRequest([{ field, message: `is longer than ${maxPasswordBytes} bytes` }]);
    const attempt = attemptOf(request);
    const wait = await guard.begin(attempt);
    if (wait > 0) {
      emit(request.log, 'login_delayed', { account: attempt.account });
      throw tooManyFailures(wait);
    }
    try {
      return await passwords.verify(user?.passwordHash, password);
    } catch (error) {
      await guard.cancel(attempt);
      throw error;
    }
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
      const found = await users.findByEmail(email);
      const user = found?.disabled ? undefined : found;
      if (!(await verify(request, '/password', password, user)) || !user) {
        emit(request.log, 'login_failed', { account: attemptOf(request).account });
        throw loginRefused();
      }
      const device = await guard.succeed(attemptOf(request));
      if (passwords.isOutdated(user.passwordHash)) await users.rehash(user, await passwords.hash(password));
      const session = await sessions.start(user.id, user.generation);
      emit(request.log, 'login_succeeded', { user: userOf(user.id) });
      const answer = await answerTokens(reply, context, session, user.role, refreshIn === 'cookie');
      setCookie(reply, 'device', device, deviceLife);
      return answer;
    },
  );

  app.post(
    '/api/v1/auth/password',
    {
      config: { access: roles, rateLimit: 'login' },
      bodyLimit,
      schema: {
        summary: 'Change the own password; all other sessions end',
        tags: ['auth'],
        body: PasswordBody,
        response: { 204: { description: 'The new password holds.', type: 'null' } },
      },
    },
    async (request, reply) => {
      const { userId, sessionId, generation } = identityOf(request);
      const { currentPassword, newPassword } = request.body;
      const user = await users.find(userId);
      if (user === undefined) throw unauthorized();
      const message = weakness(newPassword, user.email);
      if (message !== undefined) throw badRequest([{ field: '/newPassword', message }]);
      if (!(await verify(request, '/currentPassword', currentPassword, user))) {
        emit(request.log, 'password_refused', { user: userOf(userId) });
        throw new Problem(403, 'Forbidden', { detail: 'The current password is wrong' });
      }
      const changed = await users.changePassword(user, await passwords.hash(newPassword));
      if (changed === undefined) throw unauthorized();
      await sessions.adopt(sessionId, generation, changed);
      await guard.succeed(attemptOf(request));
      emit(request.log, 'user_changed', { by: userOf(userId), user: userOf(userId), changed: ['password'] });
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
      if (user === undefined) throw unauthorized();
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

  refreshRoutes(plain, context, accounts);
}

const tooManyFailures = (seconds: number) =>
  new Problem(429, 'Too Many Requests', {
    detail: `Too many failed attempts: retry in ${seconds} s`,
    headers: { 'retry-after': String(seconds) },
  });
