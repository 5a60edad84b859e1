import { LRUCache } from 'lru-cache';

/** An entry lives no longer than this, so that a reset or a raised limit is felt on every replica within it. */
const longestLifeMs = 1_000;

/**
 * Remembers denials for exactly as long as they hold: until the wait is over, nothing but a reset or a raised limit
 * could admit the same request again. It answers an attacker without a round trip, and never differs from the store
 * within a process.
 */
export class DenyCache<T> {
  readonly #entries: LRUCache<string, { readonly value: T; readonly at: number; readonly until: number }>;
  readonly #now: () => number;

  constructor(most: number, now: () => number = () => performance.now()) {
    this.#entries = new LRUCache({ max: most });
    this.#now = now;
  }

  /** The denial that still holds for a signature, and when it was decided, by this process' clock in ms. */
  get(signature: string, now = this.#now()): { readonly value: T; readonly at: number } | undefined {
    const entry = this.#entries.get(signature);
    if (entry === undefined) return undefined;
    if (now < entry.until) return entry;
    this.#entries.delete(signature);
    return undefined;
  }

  /** @param waitMs how long the store said that the denial holds, at the moment `decidedAt` of this process' clock */
  put(signature: string, value: T, waitMs: number, decidedAt: number): void {
    const until = decidedAt + Math.min(waitMs, longestLifeMs);
    this.#entries.set(signature, { value, at: decidedAt, until });
  }

  clear(): void {
    this.#entries.clear();
  }
}
