import type { FastifyReply } from 'fastify';
import type { Context, Role } from '../http/context.ts';
import { setCookie } from './cookie.ts';
import { createCsrfToken } from './csrf.ts';
import { idleLife, type Session } from './sessions.ts';
import { accessTokenSeconds, issueAccessToken } from './tokens.ts';

/** Bytes of a body of these routes. Larger ones are refused before they are parsed. */
export const bodyLimit = 4 * 1_024;

/** Returns the body that login and refresh answer with, and sets the cookie where the refresh token goes there. */
export async function answerTokens(
  reply: FastifyReply,
  { settings, secrets }: Pick<Context, 'settings' | 'secrets'>,
  session: Session,
  role: Role,
  byCookie: boolean,
) {
  const { tokenKeys, csrfKey } = secrets.current;
  const accessToken = await issueAccessToken({ ...session, role }, tokenKeys, {
    issuer: settings.TOKEN_ISSUER,
    audience: settings.TOKEN_AUDIENCE,
  });
  if (byCookie) setCookie(reply, 'refresh', session.refreshToken, idleLife);
  const refresh = byCookie
    ? { csrfToken: createCsrfToken(csrfKey, session.sessionId) }
    : { refreshToken: session.refreshToken };
  return { accessToken, tokenType: 'Bearer' as const, expiresIn: accessTokenSeconds, ...refresh };
}
