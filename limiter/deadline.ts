/** A call took longer than its deadline. */
export class DeadlinePassed extends Error {}

/** A slow but steady store is used: a call may take so many of the measured round trips. */
const roundTrips = 3;

/**
 * Bounds calls to the store, with one timer for all of them, because a timer per call costs a single client more than the
 * call itself. The bound adapts to the measured round trip between a floor and a ceiling. Milliseconds.
 *
 * A busy event loop runs its timers before it reads its sockets, so a passed deadline is not yet a late answer: first the
 * loop reads what has arrived. A stall of this process must not look like a failed store.
 */
export class Deadline {
  readonly #floor: number;
  readonly #ceiling: number;
  #roundTrip = 0;
  readonly #waiting = new Set<{ readonly due: number; readonly expire: (error: DeadlinePassed) => void }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(floor: number, ceiling: number) {
    this.#floor = floor;
    this.#ceiling = Math.max(floor, ceiling);
  }

  /** Milliseconds that a call may take now. */
  get ms(): number {
    return Math.min(this.#ceiling, Math.max(this.#floor, roundTrips * this.#roundTrip));
  }

  /**
   * Returns the result of a call.
   * @throws DeadlinePassed when the call takes too long; its later result is ignored, but the time is learnt from
   */
  race<T>(call: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const started = performance.now();
      const limit = this.ms;
      const entry = { due: started + limit, expire: reject };
      this.#waiting.add(entry);
      this.#timer ??= setTimeout(this.#afterReading, limit);
      call.then(
        (value) => {
          this.#waiting.delete(entry);
          this.#learn(performance.now() - started, limit);
          resolve(value);
        },
        (error) => {
          this.#waiting.delete(entry);
          reject(error);
        },
      );
    });
  }

  #learn(ms: number, limit: number): void {
    // Beyond the ceiling no deadline would help: the short one stays, and the circuit breaker decides.
    if (ms > this.#ceiling) return;
    this.#roundTrip = ms > limit ? ms : this.#roundTrip + (ms - this.#roundTrip) / 8;
  }

  readonly #afterReading = (): void => {
    const now = performance.now();
    setImmediate(() => this.#expire(now));
  };

  #expire(now: number): void {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#waiting) {
      if (entry.due > now) {
        next = Math.min(next, entry.due);
        continue;
      }
      this.#waiting.delete(entry);
      entry.expire(new DeadlinePassed('deadline passed'));
    }
    this.#timer =
      next === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(this.#afterReading, Math.max(0, Math.ceil(next - performance.now())));
  }
}
