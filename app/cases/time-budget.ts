import { LRUCache } from 'lru-cache';
import { Problem } from '../http/problem.ts';

/** Milliseconds of this process's time that a user's searches and exports may take at once, and per minute. */
const perUser = 10_000;
const maxUsers = 10_000;

/** Bounds the time that one user's searches and exports take from all others on this replica. */
export class TimeBudget {
  readonly #users = new LRUCache<string, { left: number; at: number }>({ max: maxUsers });
  readonly #now: () => number;

  /** @param now milliseconds of a monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @throws Problem 429 when the user's time is used up */
  assertLeft(userId: string): void {
    const left = this.#left(userId);
    if (left > 0) return;
    const seconds = Math.ceil((1 - left) / (perUser / 60));
    throw new Problem(429, 'Too Many Requests', {
      detail: `Your searches and exports used ${perUser / 1_000} s of processing within a minute; retry in ${seconds} s`,
      headers: { 'retry-after': String(seconds) },
    });
  }

  /** Charges milliseconds. */
  spend(userId: string, milliseconds: number): void {
    this.#users.set(userId, { left: this.#left(userId) - milliseconds, at: this.#now() });
  }

  #left(userId: string): number {
    const known = this.#users.get(userId);
    if (known === undefined) return perUser;
    return Math.min(perUser, known.left + ((this.#now() - known.at) * perUser) / 60_000);
  }
}
