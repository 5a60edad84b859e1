import { createHash, randomBytes } from 'node:crypto';
import type { LabelsOf } from '../../contract/metrics.ts';
import { defineScript, type RedisClient, type Script } from '../redis/client.ts';
import { createRefreshToken, digestOf, seal, sessionOf, unseal, wasIssued } from './refresh-token.ts';

/** Seconds. A session ends after a week, or when it was not refreshed for a day. */
const absoluteLife = 7 * 24 * 3_600;
export const idleLife = 24 * 3_600;
/** Seconds in which a client whose answer was lost may present the old refresh token again. */
const grace = 10;
/** Sessions of one user; a login beyond them ends the oldest. */
const maxSessions = 200;

/** Outcome of a refresh; a label of `auth_refresh_total`. */
export type RefreshOutcome = LabelsOf<'auth_refresh_total'>['outcome'];

/** A session as the refresh token names it. */
export interface Session {
  readonly sessionId: string;
  readonly userId: string;
  readonly generation: number;
  readonly refreshToken: string;
}

/** Returns the Redis key of a session. It holds a digest, so that a list of keys names no session. */
export const sessionKey = (sessionId: string): string => `cs:v1:{s:${digestOfId(sessionId)}}`;
/** The key of release 0.1, under which sessions can live for a week after an upgrade. */
const oldKey = (sessionId: string): string => `cs:v1:{session:${sessionId}}`;
const listKey = (userId: string): string => `cs:v1:{sessions:${userId}}`;
const digestOfId = (sessionId: string): string =>
  createHash('sha256').update(sessionId).digest().toString('base64url', 0, 16);

/**
 * Rotates a refresh token once, with a grace window, and revokes the session on reuse (RFC 9700 4.14, ASVS 10.4.5).
 * KEYS: session. ARGV: 1 digest of the presented token, 2 digest of a successor, 3 the sealed successor, 4 grace,
 * 5 idle life, 6 '1' if the presented token was issued once.
 * A token that was never issued changes nothing. A revoked session keeps its record until it expires.
 */
const rotateLua = `
local s = redis.call('HMGET', KEYS[1], 'user', 'generation', 'state', 'current', 'previous', 'rotatedAt', 'sealed', 'ends')
if not s[1] then return {'absent'} end
if s[3] ~= 'live' then return {'invalid'} end
local now = tonumber(redis.call('TIME')[1])
if s[4] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'current', ARGV[2], 'previous', ARGV[1], 'rotatedAt', now, 'sealed', ARGV[3])
  redis.call('EXPIRE', KEYS[1], math.max(1, math.min(tonumber(ARGV[5]), tonumber(s[8]) - now)))
  return {'rotated', s[1], s[2]}
end
if s[5] == ARGV[1] and now - tonumber(s[6]) <= tonumber(ARGV[4]) then return {'replayed', s[1], s[2], s[7]} end
if s[5] ~= ARGV[1] and ARGV[6] ~= '1' then return {'invalid'} end
redis.call('HSET', KEYS[1], 'state', 'revoked')
return {'reuse', s[1], s[2]}`;

/** KEYS: session. ARGV: life in seconds, idle life, then fields. */
const startLua = `
local ends = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[1])
redis.call('HSET', KEYS[1], 'ends', ends, unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[1], math.min(tonumber(ARGV[1]), tonumber(ARGV[2])))
return 1`;

/** Adds a session to its user's list. KEYS: list. ARGV: digest, life, maximum. Returns the digests that are too many. */
const listLua = `
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000000 + time[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if over < 1 then return {} end
local oldest = redis.call('ZRANGE', KEYS[1], 0, over - 1)
redis.call('ZREM', KEYS[1], unpack(oldest))
return oldest`;

/** Ends the session of a refresh token. KEYS: session. ARGV: digest, '1' if it was issued once. Returns the user. */
const endLua = `
local s = redis.call('HMGET', KEYS[1], 'user', 'current', 'previous')
if not s[1] then return {'absent'} end
if s[2] ~= ARGV[1] and s[3] ~= ARGV[1] and ARGV[2] ~= '1' then return {'invalid'} end
redis.call('DEL', KEYS[1])
return {'ended', s[1]}`;

/** Moves a live session to a new generation of its account. KEYS: session. ARGV: old and new generation. */
const adoptLua = `
local s = redis.call('HMGET', KEYS[1], 'state', 'generation')
if s[1] ~= 'live' or s[2] ~= ARGV[1] then return 0 end
return redis.call('HSET', KEYS[1], 'generation', ARGV[2])`;

/**
 * Sessions in Redis. Refresh tokens are stored as SHA-256 only. Every read also tries the key of release 0.1.
 * @param key signs refresh tokens; called for each, because the key can be rotated
 */
export class Sessions {
  readonly #redis: RedisClient;
  readonly #key: () => Buffer;
  readonly #start: Script;
  readonly #list: Script;
  readonly #rotate: Script;
  readonly #end: Script;
  readonly #adopt: Script;

  constructor(redis: RedisClient, key: () => Buffer) {
    this.#redis = redis;
    this.#key = key;
    this.#start = defineScript(redis, 'startSession', startLua);
    this.#list = defineScript(redis, 'listSession', listLua);
    this.#rotate = defineScript(redis, 'rotateSession', rotateLua);
    this.#end = defineScript(redis, 'endSession', endLua);
    this.#adopt = defineScript(redis, 'adoptSession', adoptLua);
  }

  /** Starts a session, at login. */
  async start(userId: string, generation: number): Promise<Session> {
    const sessionId = randomBytes(16).toString('base64url');
    const refreshToken = createRefreshToken(this.#key(), sessionId);
    const fields = { user: userId, generation, state: 'live', current: digestOf(refreshToken) };
    await this.#start([sessionKey(sessionId)], [absoluteLife, idleLife, ...Object.entries(fields).flat()]);
    const over = await this.#list([listKey(userId)], [digestOfId(sessionId), absoluteLife, maxSessions]);
    await Promise.all((over as string[]).map((digest) => this.#redis.del(`cs:v1:{s:${digest}}`)));
    return { sessionId, userId, generation, refreshToken };
  }

  /**
   * Exchanges a refresh token for its successor. Presented again within the grace window it gives the same successor.
   * Presented again later, two parties hold it, and the session ends.
   */
  async refresh(presented: string): Promise<{ outcome: RefreshOutcome; session?: Session }> {
    const sessionId = sessionOf(presented);
    if (sessionId === undefined) return { outcome: 'invalid' };
    const successor = createRefreshToken(this.#key(), sessionId);
    const args = [digestOf(presented), digestOf(successor), seal(successor, presented), grace, idleLife];
    const [outcome, userId = '', generation, sealed] = await this.#either(this.#rotate, sessionId, [
      ...args,
      Number(wasIssued(this.#key(), presented)),
    ]);
    if (outcome !== 'rotated' && outcome !== 'replayed')
      return { outcome: outcome === 'reuse' ? outcome : 'invalid' };
    const refreshToken = sealed === undefined ? successor : unseal(sealed, presented);
    return { outcome, session: { sessionId, userId, generation: Number(generation), refreshToken } };
  }

  /** Returns the generation of the account that a live session holds for; `undefined` when the session has ended. */
  async generationOf(sessionId: string): Promise<number | undefined> {
    let found: (string | null)[] = await this.#redis.hmget(sessionKey(sessionId), 'state', 'generation');
    if (found[0] === null) found = await this.#redis.hmget(oldKey(sessionId), 'state', 'generation');
    return found[0] === 'live' ? Number(found[1]) : undefined;
  }

  /** Lets a session live on after a change of its account that ends the account's other sessions. */
  async adopt(sessionId: string, from: number, to: number): Promise<void> {
    for (const key of [sessionKey(sessionId), oldKey(sessionId)]) await this.#adopt([key], [from, to]);
  }

  /** Ends a session, its refresh token and its access tokens, on every replica. */
  async end(sessionId: string): Promise<void> {
    await Promise.all([this.#redis.del(sessionKey(sessionId)), this.#redis.del(oldKey(sessionId))]);
  }

  /** Ends the session of a refresh token that was issued once; returns its user, or `undefined` and changes nothing. */
  async endByToken(presented: string): Promise<string | undefined> {
    const sessionId = sessionOf(presented);
    if (sessionId === undefined) return undefined;
    const issued = Number(wasIssued(this.#key(), presented));
    const [outcome, userId] = await this.#either(this.#end, sessionId, [digestOf(presented), issued]);
    return outcome === 'ended' ? userId : undefined;
  }

  /** Runs a script on a session's key, and on the key of release 0.1 where there is none. */
  async #either(script: Script, sessionId: string, args: Parameters<Script>[1]): Promise<string[]> {
    const answer = (await script([sessionKey(sessionId)], args)) as string[];
    return answer[0] === 'absent' ? ((await script([oldKey(sessionId)], args)) as string[]) : answer;
  }
}
