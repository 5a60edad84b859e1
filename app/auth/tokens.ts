import { randomUUID } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { LabelsOf } from '../../contract/metrics.ts';
import { type Identity, isRole } from '../http/context.ts';
import type { Secrets } from '../settings/secrets.ts';

/** Life of an access token, in seconds. */
export const accessTokenSeconds = 600;
/** Clock difference between replicas that is forgiven, in seconds. */
const clockTolerance = 5;
/** Ours have some 400 characters; a longer one is not worth parsing. */
const longestToken = 2_048;
const headerMembers = new Set(['alg', 'typ', 'kid']);
const randomId = /^[A-Za-z0-9_-]{22}$/;
const base64Url = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Why a token was refused; a label of `auth_token_rejected_total`, never told to the client. */
export type RejectionReason = LabelsOf<'auth_token_rejected_total'>['reason'];

/** A token that is not ours, not yet, or no longer. */
export class TokenRejected extends Error {
  readonly reason: RejectionReason;

  constructor(reason: RejectionReason) {
    super(`access token refused: ${reason}`);
    this.reason = reason;
  }
}

/** Whose tokens these are and for whom (`iss`, `aud`). */
export interface TokenParties {
  readonly issuer: string;
  readonly audience: string;
}

/** Signs a JWT access token (RFC 9068: `at+jwt`) with the active key. */
export async function issueAccessToken(
  session: Pick<Identity, 'userId' | 'role' | 'sessionId' | 'generation'>,
  keys: Secrets['tokenKeys'],
  { issuer, audience }: TokenParties,
): Promise<string> {
  return new SignJWT({ role: session.role, sid: session.sessionId, gen: session.generation })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: keys.active.kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(session.userId)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${accessTokenSeconds}s`)
    .sign(keys.active.privateKey);
}

/** Tokens remembered as verified: a signature check costs more than the rest of a small request. */
const mostVerified = 10_000;

/**
 * Makes a check that does not verify the same token twice. Keys that are reloaded start anew, and the end of a token is
 * looked at every time.
 */
export function createTokenVerifier(
  parties: TokenParties,
): (token: string, keys: Secrets['tokenKeys']) => Promise<Identity> {
  const verified = new WeakMap<Secrets['tokenKeys'], LRUCache<string, VerifiedToken>>();
  return async (token, keys) => {
    let known = verified.get(keys);
    if (known === undefined) {
      known = new LRUCache({ max: mostVerified });
      verified.set(keys, known);
    }
    const earlier = known.get(token);
    if (earlier !== undefined) {
      if (earlier.expires + clockTolerance <= Date.now() / 1_000) throw new TokenRejected('expired');
      return earlier.identity;
    }
    const checked = await verifyAccessToken(token, keys, parties);
    known.set(token, checked);
    return checked.identity;
  };
}

/** The claims of a verified token. */
export interface VerifiedToken {
  readonly identity: Identity;
  /** Unix seconds. */
  readonly expires: number;
}

/**
 * Checks an access token by itself: form, key, signature, type, times, parties. Whether the account still is what the
 * token says is asked of Redis afterwards.
 * @throws TokenRejected with the reason
 */
export async function verifyAccessToken(
  token: string,
  keys: Secrets['tokenKeys'],
  { issuer, audience }: TokenParties,
): Promise<VerifiedToken> {
  if (token.length > longestToken || !base64Url.test(token)) throw new TokenRejected('malformed');
  const { payload, protectedHeader } = await jwtVerify(
    token,
    (header) => {
      // Keys come from our own map alone: `jwk`, `jku`, `x5c` and what else a header may offer is refused unread.
      if (!Object.keys(header).every((member) => headerMembers.has(member)))
        throw new TokenRejected('malformed');
      const key = typeof header.kid === 'string' ? keys.byId.get(header.kid) : undefined;
      if (key === undefined) throw new TokenRejected('key');
      return key.publicKey;
    },
    {
      algorithms: ['EdDSA'],
      issuer,
      audience,
      typ: 'at+jwt',
      requiredClaims: ['exp', 'iat', 'iss', 'aud', 'sub', 'jti'],
      maxTokenAge: accessTokenSeconds,
      clockTolerance,
    },
  ).catch((error: unknown) => {
    throw rejection(error);
  });
  const { sub, jti, iat, exp, aud, role, sid, gen } = payload;
  if (
    protectedHeader.typ !== 'at+jwt' ||
    aud !== audience ||
    typeof sub !== 'string' ||
    !randomId.test(sub) ||
    typeof jti !== 'string' ||
    jti.length > 64 ||
    iat === undefined ||
    exp === undefined ||
    exp - iat > accessTokenSeconds ||
    !isRole(role) ||
    typeof sid !== 'string' ||
    !randomId.test(sid) ||
    !Number.isSafeInteger(gen)
  ) {
    throw new TokenRejected('claims');
  }
  return { identity: { userId: sub, role, sessionId: sid, generation: Number(gen) }, expires: exp };
}

const claimReasons: Readonly<Record<string, RejectionReason>> = {
  iss: 'issuer',
  aud: 'audience',
  typ: 'type',
  nbf: 'not_yet',
};

function rejection(error: unknown): TokenRejected {
  if (error instanceof TokenRejected) return error;
  if (error instanceof errors.JWTExpired) return new TokenRejected('expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return new TokenRejected(claimReasons[error.claim] ?? 'claims');
  if (error instanceof errors.JWSSignatureVerificationFailed) return new TokenRejected('signature');
  if (error instanceof errors.JOSEAlgNotAllowed) return new TokenRejected('algorithm');
  return new TokenRejected('malformed');
}
