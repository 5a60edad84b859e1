import { LRUCache } from 'lru-cache';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Case } from './case.ts';

const mostCases = 5_000;
/** `cache_hit_ratio` covers this much time, in sub-windows so that it moves smoothly. */
const windowMs = 300_000;
const slots = 30;

/**
 * Decrypted cases by id and version. An entry is served only for the version that Redis names, so it saves transfer and
 * decryption and is never stale.
 */
export class CaseCache {
  readonly #cases = new LRUCache<string, Case>({ max: mostCases });
  readonly #metrics: Metrics;
  readonly #lookups: { slot: number; hits: number; all: number }[] = [];
  readonly #now: () => number;

  constructor(metrics: Metrics, now: () => number = Date.now) {
    this.#metrics = metrics;
    this.#now = now;
    metrics.cache_hit_ratio.collectWith(() =>
      metrics.cache_hit_ratio.set({ cache_type: 'case' }, this.ratio()),
    );
  }

  /** The copy of a case, of whatever version; not yet a hit. */
  peek(id: string): Case | undefined {
    return this.#cases.get(id);
  }

  /** Counts a copy that was found to be current. */
  hit(): void {
    this.#count(true);
  }

  /** The copy of one version of the case created then; counted as a hit or a miss. */
  get(id: string, version: number, createdAt: string): Case | undefined {
    const copy = this.#cases.get(id);
    const current = copy?.version === version && copy.createdAt === createdAt ? copy : undefined;
    this.#count(current !== undefined);
    return current;
  }

  put(value: Case): void {
    this.#cases.set(value.id, value);
  }

  delete(id: string): void {
    this.#cases.delete(id);
  }

  /** Hits over lookups of the last five minutes; 0 without lookups. */
  ratio(): number {
    const oldest = this.#slot() - slots;
    while ((this.#lookups[0]?.slot ?? Number.POSITIVE_INFINITY) <= oldest) this.#lookups.shift();
    const hits = this.#lookups.reduce((sum, slot) => sum + slot.hits, 0);
    const all = this.#lookups.reduce((sum, slot) => sum + slot.all, 0);
    return all === 0 ? 0 : hits / all;
  }

  #count(hit: boolean): void {
    this.#metrics.cache_lookups_total.inc({ cache_type: 'case', result: hit ? 'hit' : 'miss' });
    const slot = this.#slot();
    let current = this.#lookups.at(-1);
    if (current?.slot !== slot) {
      current = { slot, hits: 0, all: 0 };
      this.#lookups.push(current);
    }
    current.all += 1;
    if (hit) current.hits += 1;
  }

  #slot(): number {
    return Math.floor(this.#now() / (windowMs / slots));
  }
}
