import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { mutants } from './list.ts';

const help = `npx simple378 verify limiter-mutants [--only TEXT]

Puts each known bug into a copy of the limiter and runs its tests there: one of them must turn red.

  --only TEXT   the mutants whose name contains TEXT

Exit: 0 all killed, 1 a mutant survives, 2 could not check.`;

process.exitCode = main();

function main(): number {
  let only: string | undefined;
  try {
    const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean' } } });
    if (values.help) {
      console.log(help);
      return 0;
    }
    only = values.only;
  } catch (error) {
    console.error(`mutants:limiter: ${(error as Error).message}\n\n${help}`);
    return 2;
  }
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const copy = mkdtempSync(join(tmpdir(), 'mutants-'));
  try {
    for (const entry of [
      'package.json',
      'tsconfig.json',
      'vitest.config.ts',
      'contract',
      'limiter',
      'app',
      'test',
      'infra',
    ]) {
      cpSync(join(root, entry), join(copy, entry), {
        recursive: true,
        filter: (from) => !from.includes('node_modules'),
      });
    }
    for (const modules of ['node_modules', 'app/node_modules'])
      symlinkSync(join(root, modules), join(copy, modules));
    if (!testsPass(copy)) {
      console.error('mutants:limiter: the tests fail without a mutant');
      return 2;
    }
    const chosen = mutants.filter(({ name }) => name.includes(only ?? ''));
    const survivors = chosen.filter((mutant) => survives(copy, mutant));
    console.log(`\n${chosen.length - survivors.length}/${chosen.length} killed`);
    for (const { name, file } of survivors) console.log(`survives: ${name} (${file})`);
    return survivors.length === 0 ? 0 : 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function survives(copy: string, { name, file, from, to }: (typeof mutants)[number]): boolean {
  const path = join(copy, 'limiter', file);
  const source = readFileSync(path, 'utf8');
  if (source.split(from).length !== 2) throw new Error(`mutant "${name}": its text is not once in ${file}`);
  writeFileSync(
    path,
    source.replace(from, () => to),
  );
  const killed = !testsPass(copy);
  writeFileSync(path, source);
  console.log(`${killed ? 'killed  ' : 'SURVIVES'}  ${name}`);
  return !killed;
}

function testsPass(copy: string): boolean {
  const vitest = join(copy, 'node_modules', '.bin', 'vitest');
  return (
    spawnSync(vitest, ['run', '--bail', '1', 'limiter'], {
      cwd: copy,
      encoding: 'utf8',
      timeout: 180_000,
    }).status === 0
  );
}
