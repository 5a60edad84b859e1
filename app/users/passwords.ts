import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { unavailable } from '../http/problem.ts';

/** argon2id with OWASP's minimum, which is the library's default too; written out so that an upgrade cannot lower it. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const currentPrefix = `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}$`;

/** Waiting checks; more are refused at once. At 15 ms each, and the pauses, the last one waits two seconds. */
const maxQueue = 32;
/**
 * Factor on the time of a check for which its slot pauses while others wait, so that hashing takes a quarter of the core of
 * each slot: 17 checks a second per slot, where the policy `login-endpoint` admits ten a second over all replicas.
 */
const pauseFactor = 3;

/**
 * Hashes and checks passwords, one less at a time than there are cores and with pauses, so that a flood of logins cannot
 * starve other requests.
 */
export class Passwords {
  #running = 0;
  readonly #slots: number;
  readonly #waiting: (() => void)[] = [];
  readonly #onQueue: (depth: number) => void;
  readonly #nobody: Promise<string>;

  /** @param onQueue called with the number of waiting checks whenever it changes */
  constructor(onQueue: (depth: number) => void = () => {}, slots = Math.max(1, availableParallelism() - 1)) {
    this.#onQueue = onQueue;
    this.#slots = slots;
    this.#nobody = hash('the password of nobody', parameters);
  }

  /** @throws Problem 503 when too many are waiting */
  hash(password: string): Promise<string> {
    return this.#withSlot(() => hash(password, parameters));
  }

  /**
   * Checks a password against a stored hash. Without one it checks a dummy, so that an unknown account costs the same
   * time as a known one.
   * @throws Problem 503 when too many are waiting
   */
  async verify(stored: string | undefined, password: string): Promise<boolean> {
    const against = stored ?? (await this.#nobody);
    const matches = await this.#withSlot(() => verify(against, password));
    return stored !== undefined && matches;
  }

  /** Returns true if a hash has other parameters than today's, so that the next login replaces it. */
  isOutdated(stored: string): boolean {
    return !stored.startsWith(currentPrefix);
  }

  async #withSlot<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#slots) {
      if (this.#waiting.length >= maxQueue) throw unavailable('Too many logins at once', 1);
      await new Promise<void>((resolve) => this.#onQueue(this.#waiting.push(resolve)));
    } else this.#running += 1;
    const began = performance.now();
    try {
      return await work();
    } finally {
      if (this.#waiting.length === 0) this.#leave();
      else setTimeout(() => this.#leave(), pauseFactor * (performance.now() - began));
    }
  }

  /** Gives the slot to the check that waits longest, or frees it. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#onQueue(this.#waiting.length);
    next();
  }
}
