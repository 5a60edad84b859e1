import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Settings } from '../settings/settings.ts';

/** The user of a verified token. */
export interface GatewayUser {
  readonly id: string;
  readonly role: string | undefined;
}

const bearer = /^Bearer ([^\s]{1,8192})$/i;
/** Tokens remembered as verified, because a signature check costs more than a decision. */
const maxVerified = 10_000;
/** Algorithms with a public key; a symmetric one would need the issuer's secret. */
const algorithms = ['EdDSA', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/**
 * Returns a function that finds the user of an `Authorization` header by the keys of a JWKS URL. It returns `undefined` for
 * an absent or invalid token, and while the keys cannot be fetched: the request then counts by its address.
 */
export function createIdentifier(
  settings: Settings,
): (authorization: string | undefined) => Promise<GatewayUser | undefined> {
  const { GATEWAY_JWKS_URL, GATEWAY_JWKS_CA_FILE, TOKEN_ISSUER, TOKEN_AUDIENCE, GATEWAY_USER_CLAIM } =
    settings;
  if (GATEWAY_JWKS_URL === undefined) return async () => undefined;
  const ca = GATEWAY_JWKS_CA_FILE === undefined ? undefined : readFileSync(GATEWAY_JWKS_CA_FILE);
  const keys = createRemoteJWKSet(new URL(GATEWAY_JWKS_URL), {
    timeoutDuration: 2_000,
    cooldownDuration: 5_000,
    ...(ca === undefined ? {} : { [customFetch]: (url: string) => fetchWith(ca, url) }),
  });
  const verified = new LRUCache<string, { readonly user: GatewayUser; readonly expires: number }>({
    max: maxVerified,
  });
  return async (authorization) => {
    const token = bearer.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    const known = verified.get(token);
    if (known !== undefined && known.expires > Date.now()) return known.user;
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms,
        issuer: TOKEN_ISSUER,
        audience: TOKEN_AUDIENCE,
        requiredClaims: ['exp'],
        clockTolerance: 5,
      });
      const id = payload[GATEWAY_USER_CLAIM];
      if (typeof id !== 'string' || id === '') return undefined;
      const user = { id, role: typeof payload.role === 'string' ? payload.role : undefined };
      verified.set(token, { user, expires: Number(payload.exp) * 1_000 });
      return user;
    } catch {
      return undefined;
    }
  };
}

/** Fetches a document from a server whose certificate a private authority signed, which `fetch` cannot be given. */
function fetchWith(ca: Buffer, url: string): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { ca, timeout: 2_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve(new Response(Buffer.concat(chunks), { status: response.statusCode ?? 502 })),
      );
    });
    request.on('timeout', () => request.destroy(new Error('the JWKS URL did not answer within 2 s')));
    request.on('error', reject);
    request.end();
  });
}
