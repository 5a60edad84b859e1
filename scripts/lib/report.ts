import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Writes a report to a file, its folder made when missing; to the terminal when no file is named. */
export function report(text: string, root: string, file: string | undefined): void {
  if (file === undefined) {
    console.log(text);
    return;
  }
  const path = resolve(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
