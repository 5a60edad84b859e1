/** Admits a number of events per second and refuses the rest: a flood is bounded, and its first lines are kept. */
export class PerSecond {
  readonly #max: number;
  readonly #now: () => number;
  #second = -1;
  #taken = 0;

  /** @param max events per second; @param now milliseconds of a monotonic clock */
  constructor(max: number, now: () => number = () => performance.now()) {
    this.#max = max;
    this.#now = now;
  }

  take(): boolean {
    const second = Math.floor(this.#now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    this.#taken += 1;
    return this.#taken <= this.#max;
  }
}

/** Samples log events by name, and counts the ones that it leaves out. */
export class EventSampler {
  readonly #limits: Readonly<Record<string, number>>;
  readonly #budgets = new Map<string, PerSecond>();
  #leftOut = new Map<string, number>();

  /** @param limits lines per second by event; an event that is not listed is always written */
  constructor(limits: Readonly<Record<string, number>>) {
    this.#limits = limits;
  }

  take(event: string): boolean {
    const limit = this.#limits[event];
    if (limit === undefined) return true;
    let budget = this.#budgets.get(event);
    if (budget === undefined) {
      budget = new PerSecond(limit);
      this.#budgets.set(event, budget);
    }
    if (budget.take()) return true;
    this.#leftOut.set(event, (this.#leftOut.get(event) ?? 0) + 1);
    return false;
  }

  /** Returns how many lines of each event were left out since the last call. */
  takeLeftOut(): ReadonlyMap<string, number> {
    const leftOut = this.#leftOut;
    if (leftOut.size > 0) this.#leftOut = new Map();
    return leftOut;
  }
}
