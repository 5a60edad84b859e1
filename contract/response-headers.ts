/**
 * The security headers that every answer carries, raw-socket errors and the edge's own answers included.
 * Pure: the service, the edge's middleware (infra), the policy pack and `security-verify` load this file.
 */

/** One year, as ASVS 3.4.1 asks. */
export const hsts = 'max-age=31536000; includeSubDomains';

/** An API serves no documents, so nothing may be loaded, framed or posted (ASVS 3.4.3, 3.4.6). */
export const contentSecurityPolicy =
  "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Sent whatever the transport. Names are lower case. */
export const baseHeaders = {
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  // Obsolete, harmless under this CSP, and asked for by the house's checklist; OWASP would send 0.
  'x-xss-protection': '1; mode=block',
  'content-security-policy': contentSecurityPolicy,
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
} as const satisfies Record<string, string>;

/**
 * The headers of an answer.
 * @param tls whether the answer travels over TLS; HSTS from a plain port would be a lie (RFC 6797 7.2).
 */
export function securityHeaders(tls: boolean): Readonly<Record<string, string>> {
  return tls ? { ...baseHeaders, 'strict-transport-security': hsts } : baseHeaders;
}
