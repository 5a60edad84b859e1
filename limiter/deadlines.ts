/** A promise took longer than it may. */
export class DeadlinePassed extends Error {}

/**
 * Bounds promises that all may take the same time, with one timer for all of them: a timer per call would cost a single
 * client more than the call itself.
 *
 * An event loop that was busy runs its timers before it reads its sockets, so a deadline that has passed is not yet a late
 * answer: what has arrived meanwhile is read first. Our own stall must not look like a store that fails.
 */
export class Deadlines {
  readonly #ms: number;
  readonly #waiting = new Set<{ readonly due: number; readonly expire: (error: DeadlinePassed) => void }>();
  #timer: NodeJS.Timeout | undefined;

  /** @param ms milliseconds that each may take */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /**
   * What the promise gives.
   * @throws DeadlinePassed when it takes too long; what it gives later is ignored
   */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const entry = { due: performance.now() + this.#ms, expire: reject };
      this.#waiting.add(entry);
      this.#timer ??= setTimeout(this.#afterReading, this.#ms);
      promise.then(
        (value) => {
          this.#waiting.delete(entry);
          resolve(value);
        },
        (error) => {
          this.#waiting.delete(entry);
          reject(error);
        },
      );
    });
  }

  readonly #afterReading = (): void => {
    const now = performance.now();
    setImmediate(() => this.#expire(now));
  };

  #expire(now: number): void {
    let next = Number.POSITIVE_INFINITY;
    // In the order of their deadlines: the first one that is not due ends the search.
    for (const entry of this.#waiting) {
      if (entry.due > now) {
        next = entry.due;
        break;
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
