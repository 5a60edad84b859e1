/** State of the circuit to the store; a label of `ratelimit_breaker_state`. */
export type BreakerState = 'closed' | 'open' | 'half_open';

const failuresInARow = 5;
const ratio = { window: 1_000, calls: 20, failed: 0.5 } as const;
const firstPause = 500;
const longestPause = 5_000;

/**
 * Keeps calls away from a store that does not answer: opens after five failures in a row, or when half of at least
 * twenty calls within a second failed; then lets one probe through after a pause that doubles from half a second to five.
 * Times are milliseconds of a monotonic clock.
 */
export class Breaker {
  #state: BreakerState = 'closed';
  #inARow = 0;
  #pause = firstPause;
  #probeAt = 0;
  #windowStart = 0;
  #calls = 0;
  #failed = 0;
  readonly #now: () => number;
  readonly #onChange: (state: BreakerState) => void;

  constructor(
    onChange: (state: BreakerState) => void = () => {},
    now: () => number = () => performance.now(),
  ) {
    this.#onChange = onChange;
    this.#now = now;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether a call may go out now. In the open state the first one after the pause is the probe, and the only one. */
  allows(): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'half_open' || this.#now() < this.#probeAt) return false;
    this.#become('half_open');
    return true;
  }

  succeeded(): void {
    this.#inARow = 0;
    this.#count(false);
    if (this.#state === 'closed') return;
    this.#pause = firstPause;
    this.#calls = 0;
    this.#failed = 0;
    this.#become('closed');
  }

  failed(): void {
    this.#inARow += 1;
    this.#count(true);
    const often = this.#calls >= ratio.calls && this.#failed >= this.#calls * ratio.failed;
    if (this.#state === 'half_open' || this.#inARow >= failuresInARow || often) this.#open();
  }

  #open(): void {
    // A call that left before the circuit opened may fail after; it must not push the probe back.
    if (this.#state === 'open') return;
    // Replicas that lost the same store must not all come back at once.
    this.#probeAt = this.#now() + this.#pause * (0.8 + Math.random() * 0.4);
    this.#pause = Math.min(this.#pause * 2, longestPause / 1.2);
    this.#become('open');
  }

  #count(failed: boolean): void {
    const now = this.#now();
    if (now - this.#windowStart > ratio.window) {
      this.#windowStart = now;
      this.#calls = 0;
      this.#failed = 0;
    }
    this.#calls += 1;
    if (failed) this.#failed += 1;
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#onChange(state);
  }
}
