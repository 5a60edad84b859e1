import { type Stats, statSync } from 'node:fs';

/**
 * Calls back when one of some files changed, and returns how to stop. It polls: Kubernetes swaps a symbolic link two
 * levels up when a Secret changes, which file events miss.
 * @param onChange may throw, for a file that is half written: it is called again after the next change
 */
export function watchFiles(paths: readonly string[], everyMs: number, onChange: () => void): () => void {
  const state = () => paths.map((path) => describe(statSync(path, { throwIfNoEntry: false }))).join();
  let last = state();
  const timer = setInterval(() => {
    const now = state();
    if (now === last) return;
    last = now;
    onChange();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

const describe = (stats: Stats | undefined): string =>
  stats ? `${stats.ino}.${stats.mtimeMs}.${stats.size}` : '-';
