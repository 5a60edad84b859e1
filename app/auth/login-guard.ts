import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { networkOf } from '../../limiter/index.ts';
import { maxEmailLength, normaliseEmail } from '../http/text.ts';
import { defineScript, type RedisClient, type Script } from '../redis/client.ts';
import { emit } from '../telemetry/events.ts';
import { pseudonym } from '../telemetry/pseudonym.ts';
import { readCookie } from './cookie.ts';
import { isEqual, sign } from './signature.ts';

/** Failures of a source that cost nothing but quota. After them each failure doubles the wait. */
const freeFailures = 10;
/** Seconds. The longest wait, and the time after which failures are forgotten. There is no permanent lock. */
const maxWait = 900;
const failureLife = 3_600;
/** Seconds for which a device or network that signed in is known. */
export const deviceLife = 180 * 24 * 3_600;
/** Networks that are known of an account; a login from another one replaces the oldest. */
const maxNetworks = 16;

/** One try of a password, before the limiter decides it. */
export interface Attempt {
  /** Keyed hash of the login name, for logs. */
  readonly account: string;
  /** The window of the policy `login` that the attempt is charged to. */
  readonly window: string;
  /** Seconds until the backoff allows the next attempt from this source; 0 for now. */
  readonly waitSeconds: number;
  readonly source: string;
  readonly network: string;
}

/** KEYS: failures of the source, networks. ARGV: network, life. Returns the seconds to wait, and '1' for a known network. */
const readLua = `
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local allowed = tonumber(redis.call('HGET', KEYS[1], 'until') or 0)
local score = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or 0)
return {math.ceil(math.max(0, allowed - now)), score > now - tonumber(ARGV[2]) and 1 or 0}`;

/**
 * Counts an attempt as failed in the same step that allows it, so that parallel attempts cannot pass together.
 * KEYS: failures. ARGV: free failures, maximum wait, life. Returns the seconds to wait, 0 if the attempt may go on.
 */
const beginLua = `
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local allowed = tonumber(redis.call('HGET', KEYS[1], 'until') or 0)
if allowed > now then return math.ceil(allowed - now) end
local over = redis.call('HINCRBY', KEYS[1], 'fails', 1) - tonumber(ARGV[1])
if over > 0 then redis.call('HSET', KEYS[1], 'until', now + math.min(2 ^ math.min(over - 1, 20), tonumber(ARGV[2]))) end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 0`;

/** KEYS: failures, networks. ARGV: network, life, maximum of networks. Forgets the failures and remembers the network. */
const succeedLua = `
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1])
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if over > 0 then redis.call('ZREM', KEYS[2], unpack(redis.call('ZRANGE', KEYS[2], 0, over - 1))) end
return redis.call('EXPIRE', KEYS[2], ARGV[2])`;

/**
 * Keeps strangers from locking the owner of an account out (ASVS 6.3.1). A device with a signed cookie, or a network,
 * that signed in to the account before has its own window of the policy `login` and its own backoff. All others share
 * the account's window. The backoff doubles the wait of one source after ten failures.
 */
export class LoginGuard {
  readonly #keys: () => { readonly pseudonymKey: Buffer; readonly csrfKey: Buffer };
  readonly #read: Script;
  readonly #begin: Script;
  readonly #succeed: Script;
  readonly #redis: RedisClient;

  constructor(redis: RedisClient, keys: () => { readonly pseudonymKey: Buffer; readonly csrfKey: Buffer }) {
    this.#redis = redis;
    this.#keys = keys;
    this.#read = defineScript(redis, 'readLoginFailures', readLua);
    this.#begin = defineScript(redis, 'beginLogin', beginLua);
    this.#succeed = defineScript(redis, 'succeedLogin', succeedLua);
  }

  /**
   * Reads the facts about an attempt. Consumes nothing.
   * @param name the login name, normalised; or another text that names the account
   * @param cookie the value of the device cookie
   */
  async prepare(name: string, ip: string, cookie?: string): Promise<Attempt> {
    const { pseudonymKey } = this.#keys();
    const account = pseudonym(pseudonymKey, 'account', name);
    const network = pseudonym(pseudonymKey, 'account', `${account} ${networkOf(ip) ?? ip}`);
    const device = cookie === undefined ? undefined : this.#deviceOf(cookie, account);
    const source = device ?? network;
    const [waitSeconds, known] = (await this.#read(keysOf(account, source), [network, deviceLife])) as [
      number,
      number,
    ];
    const window = device !== undefined || known === 1 ? `${account}:${source}` : account;
    return { account, window, waitSeconds, source, network };
  }

  /** Counts the attempt as failed until it succeeds. Returns the seconds to wait; 0 if it may go on. */
  async begin({ account, source }: Attempt): Promise<number> {
    return Number(
      await this.#begin(keysOf(account, source).slice(0, 1), [freeFailures, maxWait, failureLife]),
    );
  }

  /** Takes back {@link begin} for an attempt whose password was not checked. */
  async cancel({ account, source }: Attempt): Promise<void> {
    await this.#redis.hincrby(keysOf(account, source)[0], 'fails', -1);
  }

  /** Forgets the failures of the source and remembers its network. Returns the value of the device cookie. */
  async succeed({ account, source, network }: Attempt): Promise<string> {
    await this.#succeed(keysOf(account, source), [network, deviceLife, maxNetworks]);
    const id = source === network ? randomBytes(16).toString('base64url') : source;
    const text = `${id}.${Math.floor(Date.now() / 1_000) + deviceLife}`;
    return `${text}.${sign(this.#keys().csrfKey, 'device', `${account}.${text}`)}`;
  }

  /** Returns the id of a device whose cookie is signed for the account and has not expired. */
  #deviceOf(cookie: string, account: string): string | undefined {
    const [, text = '', id, expires, signature = ''] = cookieForm.exec(cookie) ?? [];
    const valid = isEqual(signature, sign(this.#keys().csrfKey, 'device', `${account}.${text}`));
    return valid && Number(expires) > Date.now() / 1_000 ? id : undefined;
  }
}

/**
 * Adds the hook that prepares the attempt of every request to a route of the class `login`, before the limiter decides
 * it. A login names its account by e-mail address. A signed-in user is the account of a password change.
 */
export function guardLogins(app: FastifyInstance, guard: LoginGuard): void {
  app.decorateRequest('attempt', null);
  app.addHook('preValidation', async (request) => {
    if (request.routeOptions.config.rateLimit !== 'login') return;
    const { identity, ip } = request;
    const isOwn = request.routeOptions.config.access !== 'public';
    const name = isOwn ? identity && `password of ${identity.userId}` : loginName(request.body);
    if (!name) return;
    request.attempt = await guard.prepare(name, ip, isOwn ? undefined : readCookie(request, 'device'));
    const { account, waitSeconds } = request.attempt;
    if (waitSeconds > 0) emit(request.log, 'login_delayed', { account });
  });
}

/** Returns the normalised login name of a body; `undefined` where the schema will refuse it. */
function loginName(body: unknown): string | undefined {
  const { email } = (body ?? {}) as { email?: unknown };
  return typeof email === 'string' && email.length <= maxEmailLength ? normaliseEmail(email) : undefined;
}

/** Returns the attempt of a request whose body passed the schema. */
export function attemptOf({ attempt }: FastifyRequest): Attempt {
  if (attempt === null) throw new Error('the route is not of the rate limit class login');
  return attempt;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The attempt of a login or a password change, once its body was read. */
    attempt: Attempt | null;
  }
}

const cookieForm = /^(([A-Za-z0-9_-]{22})\.(\d{10}))\.([A-Za-z0-9_-]{43})$/;

/** The failures of a source, and the networks of its account. */
const keysOf = (account: string, source: string): [string, string] => [
  `cs:v1:{login:${account}}:${source}`,
  `cs:v1:{login:${account}}:networks`,
];
