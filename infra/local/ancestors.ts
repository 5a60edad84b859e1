import { readFileSync } from 'node:fs';
import { execFileSync } from '../programs/child-process.ts';
import { isAlive } from './stack-file.ts';

/**
 * Calls back once one of the processes between `npm start` and this one is gone, npm itself among them. Without npm above, it
 * watches nothing, because the end of a terminal arrives as SIGHUP.
 */
export function watchAncestors(onDeath: () => void, everyMs = 500): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const ancestors = ancestorsUpToNpm(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && ancestors.every(isAlive)) return;
    clearInterval(timer);
    onDeath();
  }, everyMs);
  timer.unref();
}

function ancestorsUpToNpm(parent: number): number[] {
  const pids: number[] = [];
  for (let pid: number | undefined = parent; pid !== undefined; pid = parentOf(pid)) {
    pids.push(pid);
    if (commandOf(pid).startsWith('npm')) return pids;
  }
  return [parent];
}

/** Returns a process's command line. npm sets its own to `npm start`. */
function commandOf(pid: number): string {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Reads /proc where there is one, because a minimal Linux has no ps; macOS has ps and no /proc. */
function parentOf(pid: number): number | undefined {
  try {
    const parent =
      process.platform === 'linux'
        ? /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
        : execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' });
    return Number(parent) > 1 ? Number(parent) : undefined;
  } catch {
    return undefined;
  }
}
