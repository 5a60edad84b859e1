import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { addSummary } from './job.ts';

/**
 * Writes a report to a file, its folder made when missing; to the terminal when no file is named. In a GitHub job it is
 * on the summary page, too.
 */
export function report(text: string, root: string, file: string | undefined): void {
  addSummary(text);
  if (file === undefined) {
    console.log(text);
    return;
  }
  const path = resolve(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
