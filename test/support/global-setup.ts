import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { howToGet, type ProgramName } from '../../infra/programs/catalogue.ts';
import { pathWithCache } from '../../infra/programs/find.ts';
import { provide } from '../../infra/programs/provide.ts';

/** The real servers and tools that tests run. */
const used: readonly ProgramName[] = [
  'redis-server',
  'redis-cli',
  'redis_exporter',
  'prometheus',
  'promtool',
  'alertmanager',
  'amtool',
];

/**
 * Runs once before all tests: finds the programs that they use, or unpacks them into the user's cache as `npm start` does.
 * @returns a function that runs after all tests and lists the programs that tests were skipped for
 */
export default async function setup(): Promise<() => void> {
  const failures: string[] = [];
  const provided = await provide(used, {
    environment: process.env,
    install: true,
    say: (text) => console.log(`  … ${text}`),
    failed: (reason) => failures.push(reason),
  });
  if (provided['redis-server'] === undefined)
    throw new Error(`The tests need redis-server (${failures.join('; ')}): ${howToGet('redis-server')}`);
  // Shell scripts under test run programs by name.
  process.env['PATH'] = pathWithCache();
  const folder = mkdtempSync(join(tmpdir(), 'skipped-programs-'));
  const file = join(folder, 'list');
  writeFileSync(file, '');
  process.env['SKIPPED_PROGRAMS_FILE'] = file;
  return () => {
    for (const line of new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean))) console.log(line);
    rmSync(folder, { recursive: true });
  };
}
