import { LRUCache } from 'lru-cache';
import type { Metrics } from '../telemetry/metrics.ts';
import type { StoredCase } from './case.ts';

/** Characters of decrypted text that are kept, and cases; the text alone would not bound the small ones. */
const maxCharacters = 16_000_000;
const maxCases = 5_000;
/** `cache_hit_ratio` covers this much time, in sub-windows so that it moves smoothly. */
const windowMs = 300_000;
const slots = 30;

/**
 * Decrypted cases by id and version. An entry is served only for the version that Redis names, so it saves transfer and
 * decryption and is never stale.
 */
export class CaseCache {
  readonly #cases = new LRUCache<string, StoredCase>({
    max: maxCases,
    maxSize: maxCharacters,
    sizeCalculation: ({ title, description }) => title.length + description.length + 500,
  });
  readonly #metrics: Metrics;
  readonly #lookups: { slot: number; hits: number; all: number }[] = [];
  readonly #now: () => number;

  constructor(metrics: Metrics, now: () => number = Date.now) {
    this.#metrics = metrics;
    this.#now = now;
    metrics.cache_hit_ratio.collectWith(() => {
      const ratio = this.ratio();
      if (ratio === undefined) metrics.cache_hit_ratio.reset();
      else metrics.cache_hit_ratio.set({ cache_type: 'case' }, ratio);
    });
  }

  /** The copy of a case, of any version; not yet a hit. */
  peek(id: string): StoredCase | undefined {
    return this.#cases.get(id);
  }

  /** Counts a copy that was found to be current. */
  hit(): void {
    this.#count(true);
  }

  /** The copy of one version of one life of a case; counted as a hit or a miss. */
  get(id: string, version: number, life: string): StoredCase | undefined {
    const copy = this.#cases.get(id);
    const current = copy?.version === version && copy.life === life ? copy : undefined;
    this.#count(current !== undefined);
    return current;
  }

  put(value: StoredCase): void {
    this.#cases.set(value.id, value);
  }

  delete(id: string): void {
    this.#cases.delete(id);
  }

  /** Hits over lookups of the last five minutes; `undefined` without lookups. */
  ratio(): number | undefined {
    const oldest = this.#slot() - slots;
    while ((this.#lookups[0]?.slot ?? Number.POSITIVE_INFINITY) <= oldest) this.#lookups.shift();
    const hits = this.#lookups.reduce((sum, slot) => sum + slot.hits, 0);
    const all = this.#lookups.reduce((sum, slot) => sum + slot.all, 0);
    return all === 0 ? undefined : hits / all;
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
