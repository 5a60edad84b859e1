import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/** Why a request that brings the refresh cookie was not believed to come from our own page. */
export type CsrfRefusal = 'site' | 'origin' | 'token';

/** A token that a page sends back in `x-csrf-token`: bound to the session by HMAC, so that a planted one is no use. */
export function createCsrfToken(key: Buffer, sessionId: string): string {
  const nonce = randomBytes(16).toString('base64url');
  return `${nonce}.${sign(key, sessionId, nonce)}`;
}

/**
 * Signed double submit together with the browser's own word on where a request comes from; both must hold
 * (OWASP CSRF cheat sheet, ASVS 3.5.1). A browser that says nothing at all is refused.
 * @param allowed other origins whose pages may refresh
 * @returns why it is refused, or `undefined`
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
  return equal(signature, sign(key, sessionId, nonce)) ? undefined : 'token';
}

const sign = (key: Buffer, sessionId: string, nonce: string): string =>
  createHmac('sha256', key).update(`csrf:${sessionId}:${nonce}`).digest('base64url');

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
