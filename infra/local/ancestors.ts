import { execFileSync } from 'node:child_process';
import { isAlive } from './stack-file.ts';

/**
 * Calls back once one of the processes above us that belong to `npm start` is gone: the shell that npm starts us in,
 * and npm itself. Without npm above nothing is watched: a terminal's end is SIGHUP.
 */
export function ancestorsAlive(onDeath: () => void, everyMs = 500): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const shell = process.ppid;
  const npm = parentOf(shell);
  const timer = setInterval(() => {
    if (process.ppid === shell && (npm === undefined || isAlive(npm))) return;
    clearInterval(timer);
    onDeath();
  }, everyMs);
  timer.unref();
}

function parentOf(pid: number): number | undefined {
  try {
    const parent = Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }));
    return parent > 1 ? parent : undefined;
  } catch {
    return undefined;
  }
}
