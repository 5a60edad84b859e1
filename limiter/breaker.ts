/** State of the circuit to the store; a label of `ratelimit_breaker_state`. */
export type BreakerState = 'closed' | 'open' | 'half_open';

const maxFailuresInARow = 5;
const ratio = { windowMs: 1_000, minCalls: 20, failed: 0.5 } as const;
/** Milliseconds before a probe. The longest leaves time to reconnect within 5 s after the store returned. */
const pause = { first: 500, longest: 2_000, jitter: 0.2 } as const;

/**
 * Keeps calls away from a store that does not answer. Opens after five failures in a row, or when half of at least twenty
 * calls within a second failed. Then lets one probe through after a pause that doubles from half a second to two seconds.
 * Times are milliseconds of a monotonic clock.
 */
export class Breaker {
  #state: BreakerState = 'closed';
  #inARow = 0;
  #pause: number = pause.first;
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

  /** Milliseconds until the next probe, of an open circuit. */
  get pauseMs(): number {
    return Math.max(0, Math.ceil(this.#probeAt - this.#now()));
  }

  /** Returns true when a call may go out now. In the open state the first call after the pause is the only probe. */
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
    this.#pause = pause.first;
    this.#calls = 0;
    this.#failed = 0;
    this.#become('closed');
  }

  failed(): void {
    this.#inARow += 1;
    this.#count(true);
    const isOften = this.#calls >= ratio.minCalls && this.#failed >= this.#calls * ratio.failed;
    if (this.#state === 'half_open' || this.#inARow >= maxFailuresInARow || isOften) this.#open();
  }

  #open(): void {
    // A call that left before the circuit opened may fail later; it must not postpone the probe.
    if (this.#state === 'open') return;
    // Jitter, so that the replicas that lost the same store do not all come back at once.
    this.#probeAt = this.#now() + this.#pause * (1 - pause.jitter + Math.random() * 2 * pause.jitter);
    this.#pause = Math.min(this.#pause * 2, pause.longest / (1 + pause.jitter));
    this.#become('open');
  }

  #count(isFailure: boolean): void {
    const now = this.#now();
    if (now - this.#windowStart > ratio.windowMs) {
      this.#windowStart = now;
      this.#calls = 0;
      this.#failed = 0;
    }
    this.#calls += 1;
    if (isFailure) this.#failed += 1;
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#onChange(state);
  }
}
