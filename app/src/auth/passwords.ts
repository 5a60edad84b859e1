import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { unavailable } from '../http/problem.ts';

/** argon2id with OWASP's minimum, which is also the library's default; written out so that an upgrade cannot lower it. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const currentPrefix = `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}$`;

/** Bytes: longer passwords are refused before hashing. */
export const longestPassword = 256;
/** Waiting checks beyond this are refused at once: at 15 ms each the last one waits half a second. */
const longestQueue = 64;

/** Hashes and checks passwords, as many at a time as there are cores, so that a flood of logins cannot starve the rest. */
export class Passwords {
  #running = 0;
  readonly #slots: number;
  readonly #waiting: (() => void)[] = [];
  readonly #onQueue: (depth: number) => void;
  readonly #nobody: Promise<string>;

  /** @param onQueue told the number of waiting checks whenever it changes */
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
   * Whether the password is that of the stored hash. Without one a dummy is checked, so that an unknown account
   * costs the same time as a known one.
   * @throws Problem 503 when too many are waiting
   */
  async verify(stored: string | undefined, password: string): Promise<boolean> {
    const against = stored ?? (await this.#nobody);
    const matches = await this.#withSlot(() => verify(against, password));
    return stored !== undefined && matches;
  }

  /** Whether a hash was made with other parameters than today's and should be made anew at the next login. */
  isOutdated(stored: string): boolean {
    return !stored.startsWith(currentPrefix);
  }

  async #withSlot<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#slots) {
      if (this.#waiting.length >= longestQueue) throw unavailable('Too many logins at once', 1);
      // The slot is handed over by whoever leaves it: nobody can slip in between.
      await new Promise<void>((resolve) => this.#onQueue(this.#waiting.push(resolve)));
    } else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      this.#onQueue(this.#waiting.length);
      if (next) next();
      else this.#running -= 1;
    }
  }
}
