import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import { unavailable } from '../http/problem.ts';

/** argon2id with OWASP's minimum, which is also the library's default; written out so that an upgrade cannot lower it. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const currentPrefix = `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}$`;

/** Bytes: longer passwords are refused before hashing. */
const longestPassword = 256;
/** Characters of a new one (ASVS 6.2.1 asks for 8 and advises 15). */
const shortestPassword = 12;
/** The commonest of at least that length, without case (ASVS 6.2.4); what has few different characters is out anyway. */
const common =
  /^(1234567890.*|qwertyuiop.*|1q2w3e4r5t.*|password[0-9!]*|passwordpassword|iloveyou[0-9]*|administrator[0-9]*|letmein.*|welcome.*|changeme.*|abcdefghijkl.*|football[0-9]*|correct ?horse ?battery ?staple|simple378.*)$/i;

/** Whether a password is too long to be hashed at all. */
export const isTooLong = (password: string): boolean => Buffer.byteLength(password) > longestPassword;

/**
 * What is wrong with a new password, or `undefined`. Length and being hard to guess count; which kinds of characters
 * it has does not (ASVS 6.2.5).
 */
export function weakness(password: string, email: string): string | undefined {
  if (isTooLong(password)) return `is longer than ${longestPassword} bytes`;
  if ([...password].length < shortestPassword) return `is shorter than ${shortestPassword} characters`;
  if (new Set(password).size < 5) return 'has fewer than five different characters';
  if (common.test(password)) return 'is one of the first that are guessed';
  const [name = ''] = email.toLowerCase().split('@');
  if (name.length >= 4 && password.toLowerCase().includes(name)) return 'contains the login name';
  return undefined;
}

/** Waiting checks beyond this are refused at once: at 15 ms each, and the rest, the last one waits two seconds. */
const longestQueue = 32;
/**
 * How many times as long as a check took its slot rests while others wait, so that hashing takes a quarter of the core of
 * each slot: 17 checks a second per slot, where the policy `login-endpoint` admits ten a second over all replicas.
 */
const rest = 3;

/**
 * Hashes and checks passwords, one less at a time than there are cores and with rests, so that a flood of logins cannot
 * starve what else the cores are for.
 */
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
      await new Promise<void>((resolve) => this.#onQueue(this.#waiting.push(resolve)));
    } else this.#running += 1;
    const began = performance.now();
    try {
      return await work();
    } finally {
      if (this.#waiting.length === 0) this.#leave();
      else setTimeout(() => this.#leave(), rest * (performance.now() - began));
    }
  }

  /** The slot goes to the one who waits longest, if another slot has not taken them meanwhile; nobody can slip in between. */
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
