import { LRUCache } from 'lru-cache';
import type { Charge, Demand } from './encode.ts';
import { add, bucketLength, consume, emptyWindow, roll, type Verdict, type WindowState } from './window.ts';

/**
 * The same algorithm in this process, for when Redis does not answer. It is kept warm: what Redis admitted through
 * this replica is recorded here too, so that an outage is no fresh quota. While it decides, each replica enforces its
 * share of a quota, so that the fleet stays near it.
 */
export class LocalLimiter {
  readonly #windows: LRUCache<string, WindowState>;
  readonly #replicas: number;
  /** Admitted by the store and not yet entered into the windows. */
  readonly #recorded: Demand[] = [];
  #recordedAt = 0;
  /** Units admitted since the store went away, by window, to be written back. */
  #owed = new Map<string, { charge: Charge; units: number }>();
  readonly #most: number;

  /** @param replicas how many share a quota; @param most windows kept, the least recently used goes first */
  constructor(replicas: number, most: number) {
    this.#replicas = replicas;
    this.#most = most;
    this.#windows = new LRUCache({ max: most });
  }

  /** Records what the store admitted. Equal demands are counted, and entered once a second or when they are needed. */
  record(demand: Demand, now: number): void {
    if (now - this.#recordedAt >= 1_000) this.#enter(now);
    if (demand.recorded++ === 0) this.#recorded.push(demand);
  }

  #enter(now: number): void {
    for (const demand of this.#recorded) {
      for (const charge of demand.charges) {
        if (charge.mode !== 'enforce') continue;
        // As of now, not of up to a second ago: a local copy may count too long, never too little.
        add(this.#window(charge, now), charge.cost * demand.recorded);
      }
      demand.recorded = 0;
    }
    this.#recorded.length = 0;
    this.#recordedAt = now;
  }

  /**
   * Decides a request by this replica's share: all of the charges or none. Verdicts are in the order of the charges.
   * @param owed whether the store will have to be told; not when it may have counted the request already
   */
  decide(charges: readonly Charge[], now: number, owed = true): { admitted: boolean; verdicts: Verdict[] } {
    this.#enter(now);
    const shares = charges.map((charge) => ({ ...charge, quota: this.share(charge) }));
    const windows = shares.map((charge) => this.#window(charge, now));
    const look = (mode: 'peek' | 'force') =>
      shares.map((charge, i) =>
        consume(windows[i] ?? emptyWindow(), bucketLength(charge.windowMs), now, charge, mode),
      );
    const verdicts = look('peek');
    const admitted = shares.every(({ mode }, i) => mode !== 'enforce' || verdicts[i]?.admitted);
    if (!admitted) return { admitted, verdicts };
    if (owed) this.owe(charges.filter(({ mode }) => mode === 'enforce'));
    return {
      admitted,
      verdicts: look('force').map((verdict, i) => ({
        ...verdict,
        admitted: verdicts[i]?.admitted ?? true,
        waitMs: 0,
      })),
    };
  }

  /** This replica's part of a quota, at least one request. */
  share({ quota, cost }: Charge): number {
    return Math.max(cost, Math.floor(quota / this.#replicas));
  }

  /** Whether something was admitted that the store does not know. */
  get owes(): boolean {
    return this.#owed.size > 0;
  }

  /** What was admitted without the store and still counts, as charges that write it back; forgotten here. */
  takeOwed(now: number): Charge[] {
    const owed = [...this.#owed.values()].map(
      ({ charge, units }): Charge => ({
        ...charge,
        cost: Math.min(units, this.#window(charge, now).sum),
        mode: 'force',
      }),
    );
    this.#owed = new Map();
    return owed.filter(({ cost }) => cost > 0);
  }

  /** Remembers units that the store has to be told. */
  owe(charges: readonly Charge[]): void {
    for (const charge of charges) {
      const owed = this.#owed.get(charge.key);
      if (owed) owed.units += charge.cost;
      // Bounded like the windows: an outage under attack from many addresses must not eat the memory.
      else if (this.#owed.size < this.#most) this.#owed.set(charge.key, { charge, units: charge.cost });
    }
  }

  /** Forgets windows, after a reset. */
  forget(charges: readonly Charge[]): void {
    for (const charge of charges) {
      this.#windows.delete(nameOf(charge));
      this.#owed.delete(charge.key);
    }
  }

  #window(charge: Charge, now: number): WindowState {
    const name = nameOf(charge);
    let state = this.#windows.get(name);
    if (state === undefined) {
      state = emptyWindow();
      this.#windows.set(name, state);
    }
    roll(state, bucketLength(charge.windowMs), now);
    return state;
  }
}

/** A reload that changes a window's length changes its geometry: the local copy starts anew then. */
const nameOf = ({ key, windowMs }: Charge): string => `${key} ${windowMs}`;
