import { write, writeSync } from 'node:fs';

/** Bytes that may wait for a slow or full disk; lines beyond are dropped. */
const maxPending = 4 * 1_024 * 1_024;
/** Milliseconds before a descriptor that was busy is tried again. */
const retryMs = 20;
const busy = new Set(['EAGAIN', 'EBUSY']);

/**
 * Writes log lines to a file descriptor without blocking. A line that cannot be written (full disk, closed pipe) is
 * dropped and counted, and the process goes on.
 */
export class LineWriter {
  readonly #fd: number;
  readonly #onDropped: (lines: number) => void;
  #waiting: string[] = [];
  #bytes = 0;
  #inFlight: Buffer | undefined;

  constructor(fd: number, onDropped: (lines: number) => void) {
    this.#fd = fd;
    this.#onDropped = onDropped;
  }

  write(line: string): void {
    if (this.#bytes > maxPending) {
      this.#onDropped(1);
      return;
    }
    this.#waiting.push(line);
    this.#bytes += line.length;
    if (this.#inFlight === undefined) this.#next();
  }

  /** Writes everything that waits before it returns, for the end of the process; what cannot be written is dropped. */
  flushSync(): void {
    // The part in flight is being written already; its rest may come twice at worst, never interleaved with lines.
    let rest = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#bytes = 0;
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
    } catch {
      this.#onDropped(countLines(rest));
    }
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    this.#inFlight = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#bytes = 0;
    this.#send();
  }

  #send(): void {
    const bytes = this.#inFlight;
    if (bytes === undefined) return;
    write(this.#fd, bytes, (error, written) => {
      if (error && busy.has(error.code ?? '')) {
        setTimeout(() => this.#send(), retryMs).unref();
        return;
      }
      if (error) this.#onDropped(countLines(bytes));
      if (!error && written < bytes.length) {
        this.#inFlight = bytes.subarray(written);
        this.#send();
        return;
      }
      this.#inFlight = undefined;
      this.#next();
    });
  }
}

const countLines = (bytes: Buffer): number => bytes.toString('latin1').split('\n').length - 1;
