import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { LabelsOf } from '../../contract/metrics.ts';
import { defineScript, type RedisClient, type Script } from '../redis/client.ts';

/** Seconds. A session ends after a week, or when it was not refreshed for a day. */
const absoluteLife = 7 * 24 * 3_600;
export const idleLife = 24 * 3_600;
/** Seconds in which a client whose answer was lost may present the old refresh token again. */
const grace = 10;

/** Outcome of a refresh; a label of `auth_refresh_total`. */
export type RefreshOutcome = LabelsOf<'auth_refresh_total'>['outcome'];

/** A session as the refresh token names it. */
export interface Session {
  readonly sessionId: string;
  readonly userId: string;
  readonly generation: number;
  readonly refreshToken: string;
}

const key = (sessionId: string) => `cs:v1:{session:${sessionId}}`;

/**
 * Single-use rotation with family revocation and a grace window, in one call (RFC 9700 4.14, ASVS 10.4.5).
 * KEYS: session. ARGV: hash presented, hash of a successor, successor sealed under the presented token, grace,
 * idle life. Redis' clock. A session that saw reuse keeps its record, so that the thief's copy stays dead too.
 */
const rotateLua = `
local s = redis.call('HMGET', KEYS[1], 'user', 'generation', 'state', 'current', 'previous', 'rotatedAt', 'sealed', 'ends')
if not s[1] or s[3] ~= 'live' then return {'invalid'} end
local now = tonumber(redis.call('TIME')[1])
if s[4] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'current', ARGV[2], 'previous', ARGV[1], 'rotatedAt', now, 'sealed', ARGV[3])
  redis.call('EXPIRE', KEYS[1], math.max(1, math.min(tonumber(ARGV[5]), tonumber(s[8]) - now)))
  return {'rotated', s[1], s[2]}
end
if s[5] == ARGV[1] and now - tonumber(s[6]) <= tonumber(ARGV[4]) then return {'replayed', s[1], s[2], s[7]} end
redis.call('HSET', KEYS[1], 'state', 'revoked')
return {'reuse', s[1], s[2]}`;

/** KEYS: session. ARGV: life in seconds, idle life, then fields. */
const startLua = `
local ends = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[1])
redis.call('HSET', KEYS[1], 'ends', ends, unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], math.min(tonumber(ARGV[1]), tonumber(ARGV[2])))
return 1`;

/** Sessions in Redis: `HSET`, `HGET`, `HMGET`, `EXPIRE`, `DEL`, `TIME`. Refresh tokens are kept as SHA-256 only. */
export class Sessions {
  readonly #redis: RedisClient;
  readonly #start: Script;
  readonly #rotate: Script;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#start = defineScript(redis, 'startSession', startLua);
    this.#rotate = defineScript(redis, 'rotateSession', rotateLua);
  }

  /** Starts a session, at login. */
  async start(userId: string, generation: number): Promise<Session> {
    const sessionId = randomBytes(16).toString('base64url');
    const refreshToken = newToken(sessionId);
    await this.#start(
      [key(sessionId)],
      [
        absoluteLife,
        idleLife,
        'user',
        userId,
        'generation',
        generation,
        'state',
        'live',
        'current',
        digest(refreshToken),
      ],
    );
    return { sessionId, userId, generation, refreshToken };
  }

  /**
   * Exchanges a refresh token for its successor. Presented again within the grace window it gives the same
   * successor; presented again later it was stolen, by one of the two who hold it, and the session ends.
   */
  async refresh(presented: string): Promise<{ outcome: RefreshOutcome; session?: Session }> {
    const sessionId = sessionOf(presented);
    if (sessionId === undefined) return { outcome: 'invalid' };
    const successor = newToken(sessionId);
    const [outcome, userId, generation, sealed] = (await this.#rotate(
      [key(sessionId)],
      [digest(presented), digest(successor), seal(successor, presented), grace, idleLife],
    )) as [RefreshOutcome, string, string, string?];
    if (outcome !== 'rotated' && outcome !== 'replayed') return { outcome };
    const refreshToken = sealed === undefined ? successor : unseal(sealed, presented);
    return { outcome, session: { sessionId, userId, generation: Number(generation), refreshToken } };
  }

  /** Whether the session still lives. */
  async isLive(sessionId: string): Promise<boolean> {
    return (await this.#redis.hget(key(sessionId), 'state')) === 'live';
  }

  /** Ends a session, its refresh token and its access tokens, everywhere. */
  async end(sessionId: string): Promise<void> {
    await this.#redis.del(key(sessionId));
  }
}

const tokenForm = /^rt1\.([A-Za-z0-9_-]{22})\.[A-Za-z0-9_-]{43}$/;

/** 256 random bits; the session's id in front says where to look, not who it is. */
const newToken = (sessionId: string): string => `rt1.${sessionId}.${randomBytes(32).toString('base64url')}`;
/** The session that a refresh token names, whether it holds or not; `undefined` when it is none of ours. */
export const sessionOf = (token: string): string | undefined => tokenForm.exec(token)?.[1];
const digest = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** A successor is stored so that only the holder of the presented token can read it. */
function seal(successor: string, presented: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(presented), iv);
  return Buffer.concat([iv, cipher.update(successor, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  );
}

function unseal(sealed: string, presented: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(presented), bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
}

const sealingKey = (presented: string): Buffer =>
  Buffer.from(hkdfSync('sha256', presented, '', 'simple378 successor', 32));
