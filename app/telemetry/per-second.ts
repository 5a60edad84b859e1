/** Lets through so many a second and says no to the rest: what a flood would write is bounded, its first lines are there. */
export class PerSecond {
  readonly #most: number;
  readonly #now: () => number;
  #second = -1;
  #taken = 0;

  /** @param most how many a second; @param now milliseconds of a monotonic clock */
  constructor(most: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#now = now;
  }

  take(): boolean {
    const second = Math.floor(this.#now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    this.#taken += 1;
    return this.#taken <= this.#most;
  }
}
