import { appendFileSync } from 'node:fs';
import { it } from 'vitest';
import { howToGet, type ProgramName } from '../../infra/programs/catalogue.ts';
import { findProgram } from '../../infra/programs/find.ts';

/**
 * Returns `it`, or `it.skip` where a program is neither installed nor available as a package. The end of a test run lists
 * each missing program once.
 */
export function needs(...names: ProgramName[]): typeof it | typeof it.skip {
  const missing = names.filter((name) => findProgram(name) === undefined);
  const file = process.env['SKIPPED_PROGRAMS_FILE'];
  if (file !== undefined)
    for (const name of missing)
      appendFileSync(file, `skipped: needs ${name}, get it with ${howToGet(name)}\n`);
  return missing.length === 0 ? it : it.skip;
}
