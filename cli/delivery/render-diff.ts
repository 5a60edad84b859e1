import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { report } from '../lib/report.ts';
import { changeOf, type Manifest, markdown } from './changes.ts';

const usage = `npm run render:diff [-- --base REF] [--out FILE]

What changes per environment between a commit and the working tree, object by object, from rendered/: what is
replaced and what holds data is flagged.

  --base REF   the commit to compare with (default: origin/main, else main)
  --out FILE   write Markdown there instead of to the terminal

Exit: 0 told, 2 could not compare.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

await command('render:diff', usage, (args) => {
  const { values } = parseArgs({ args, options: { base: { type: 'string' }, out: { type: 'string' } } });
  const base = values.base ?? (exists('origin/main') ? 'origin/main' : 'main');
  if (!exists(base)) throw new CouldNotCheck(`there is no commit ${base} here`);
  const files = git('diff', '--name-only', '--no-renames', base, '--', 'rendered')
    .split('\n')
    .filter(Boolean);
  const changes = files.map((file) => changeOf(file, before(base, file), after(file)));
  report(markdown(changes.filter((change) => change !== null)), root, values.out);
  return 0;
});

function before(base: string, file: string): Manifest | undefined {
  const { status, stdout } = spawnSync('git', ['show', `${base}:${file}`], { cwd: root, encoding: 'utf8' });
  return status === 0 ? (parse(stdout) as Manifest) : undefined;
}

function after(file: string): Manifest | undefined {
  const path = join(root, file);
  return existsSync(path) ? (parse(readFileSync(path, 'utf8')) as Manifest) : undefined;
}

function exists(ref: string): boolean {
  return (
    spawnSync('git', ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`], { cwd: root }).status === 0
  );
}

function git(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('git', args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new CouldNotCheck(stderr.trim());
  return stdout;
}
