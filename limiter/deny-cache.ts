import { RecentCache } from './cache.ts';
import type { Decision } from './decision.ts';
import type { Rule } from './rules.ts';

/** Milliseconds after which a reset or a raised limit takes effect on every replica. */
const maxLifeMs = 1_000;

/**
 * Remembers denials for as long as they hold: until the wait is over, only a reset or a raised limit could admit the same
 * request. It answers an attacker without a round trip, and within a process its answers equal those of the store.
 */
export class DenyCache {
  readonly #entries: RecentCache<readonly Rule[], { decision: Decision; at: number; until: number }>;

  constructor(size: number) {
    this.#entries = new RecentCache(size);
  }

  /** Returns the denial that still holds, and the moment it was decided. Times are milliseconds of this process' clock. */
  get(rules: readonly Rule[], now: number): { readonly decision: Decision; readonly at: number } | undefined {
    const entry = this.#entries.get(rules);
    if (entry === undefined) return undefined;
    if (now < entry.until) return entry;
    this.#entries.delete(rules);
    return undefined;
  }

  /** Remembers a denial that was decided at a moment of this process' clock. */
  put(rules: readonly Rule[], decision: Decision, at: number): void {
    this.#entries.set(rules, { decision, at, until: at + Math.min(decision.retryAfterMs, maxLifeMs) });
  }

  clear(): void {
    this.#entries.clear();
  }
}
