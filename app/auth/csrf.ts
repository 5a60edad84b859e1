import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { isEqual, sign } from './signature.ts';

/** The reason to refuse a request with the refresh cookie. */
export type CsrfRefusal = 'site' | 'origin' | 'token';

/** Returns a token that a page sends back in `x-csrf-token`. An HMAC binds it to the session, so a planted one fails. */
export function createCsrfToken(key: Buffer, sessionId: string): string {
  const nonce = randomBytes(16).toString('base64url');
  return `${nonce}.${sign(key, 'csrf', `${sessionId}:${nonce}`)}`;
}

/**
 * Checks a request with the refresh cookie: the signed token, and the origin that the browser states, must both hold
 * (OWASP CSRF cheat sheet, ASVS 3.5.1). A browser that states no origin is refused.
 * @param allowed other origins whose pages may refresh
 * @returns the reason to refuse it, or `undefined`
 */
export function csrfRefusal(
  { headers }: Pick<FastifyRequest, 'headers'>,
  key: Buffer,
  sessionId: string,
  allowed: readonly string[],
): CsrfRefusal | undefined {
  const { origin, host, 'sec-fetch-site': site, 'x-csrf-token': token } = headers;
  const known = origin !== undefined && (origin === `https://${host}` || allowed.includes(origin));
  if (site !== undefined && site !== 'same-origin' && !known) return 'site';
  if (origin === undefined ? site !== 'same-origin' : !known) return 'origin';
  const [nonce = '', signature = ''] = typeof token === 'string' ? token.split('.') : [];
  return isEqual(signature, sign(key, 'csrf', `${sessionId}:${nonce}`)) ? undefined : 'token';
}
