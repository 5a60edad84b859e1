import { Problem } from '../http/problem.ts';
import { defineScript, type RedisClient, type Script } from '../redis/client.ts';

/** Failures that cost nothing but the login policies' quota; after them each one doubles the wait. */
const freeFailures = 10;
/** Seconds. Never a permanent lock: whoever waits may try again. */
const longestWait = 900;
const memory = 3_600;

/** KEYS: the pair. ARGV: free failures, longest wait, memory. Answers nothing. */
const failLua = `
local fails = redis.call('HINCRBY', KEYS[1], 'fails', 1)
local over = fails - tonumber(ARGV[1])
local wait = over < 1 and 0 or math.min(2 ^ math.min(over - 1, 20), tonumber(ARGV[2]))
redis.call('HSET', KEYS[1], 'until', tonumber(redis.call('TIME')[1]) + wait)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1`;

/** KEYS: the pair. Seconds until the next try is allowed. */
const waitLua = `
local allowed = redis.call('HGET', KEYS[1], 'until')
return allowed and math.max(0, tonumber(allowed) - tonumber(redis.call('TIME')[1])) or 0`;

/**
 * Exponential delay of logins by the pair of account and address, beside the login policies per account, address and
 * endpoint (ASVS 6.3.1): who guesses from one place waits longer and longer, and the owner elsewhere does not.
 * In Redis: `HINCRBY`, `HSET`, `HGET`, `EXPIRE`, `DEL`, `TIME`.
 */
export class LoginBackoff {
  readonly #redis: RedisClient;
  readonly #fail: Script;
  readonly #wait: Script;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#fail = defineScript(redis, 'failLogin', failLua);
    this.#wait = defineScript(redis, 'waitForLogin', waitLua);
  }

  /** @throws Problem 429 with the seconds to wait */
  async assertAllowed(pair: string): Promise<void> {
    const wait = Number(await this.#wait([key(pair)], []));
    if (wait === 0) return;
    throw new Problem(429, 'Too Many Requests', {
      detail: 'Too many failed logins; wait before the next one',
      headers: { 'retry-after': String(wait) },
    });
  }

  async failed(pair: string): Promise<void> {
    await this.#fail([key(pair)], [freeFailures, longestWait, memory]);
  }

  async succeeded(pair: string): Promise<void> {
    await this.#redis.del(key(pair));
  }
}

const key = (pair: string): string => `cs:v1:{login:${pair}}`;
