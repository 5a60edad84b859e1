import { existsSync, readFileSync } from 'node:fs';

/** What the scripts read of `.local/stack.json`, which a running stack writes. */
export interface Stack {
  /** Of the supervisor. */
  readonly pid: number;
  readonly replicas: readonly string[];
  readonly internal: readonly string[];
  readonly prometheus: string | null;
  readonly ca: string;
  readonly users: string;
}

/** Where a stack of this checkout says what it is. */
const stackFile = new URL('../.local/stack.json', import.meta.url);

/** The running stack, or null: a file that a killed one left counts for nothing. */
export function readStack(file: URL | string = stackFile): Stack | null {
  if (!existsSync(file)) return null;
  const stack = JSON.parse(readFileSync(file, 'utf8')) as Stack;
  return isAlive(stack.pid) ? stack : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
