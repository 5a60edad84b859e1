import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from '../infra/programs/child-process.ts';
import { importProblems } from './boundaries.ts';
import { command, noArguments } from './lib/command.ts';

const usage = `npm run check

Lint, types, who imports whom, and whether every generated file is current. npm run fix formats; a generated file that is
stale says which command writes it.

Exit: 0 all hold, 1 one does not.`;

const root = fileURLToPath(new URL('..', import.meta.url));

await command('check', usage, (args) => {
  noArguments(args);
  const outcomes = [
    run('lint', join(root, 'node_modules', '.bin', 'biome'), [
      'ci',
      '--colors=off',
      '--error-on-warnings',
      '.',
    ]),
    run('types', join(root, 'node_modules', '.bin', 'tsc'), ['-p', '.']),
    boundaries(),
    run('generated files', process.execPath, ['cli/generate.ts', '--check']),
    run('rendered manifests', process.execPath, ['infra/render.ts', '--check']),
  ];
  return outcomes.every(Boolean) ? 0 : 1;
});

function run(name: string, program: string, args: readonly string[]): boolean {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  return report(name, status === 0, performance.now() - started, `${stdout}${stderr}`);
}

function boundaries(): boolean {
  const started = performance.now();
  const problems = importProblems(root);
  return report('imports', problems.length === 0, performance.now() - started, problems.join('\n'));
}

function report(name: string, ok: boolean, ms: number, output: string): boolean {
  console.log(`${ok ? '✓' : '✗'} ${name} (${(ms / 1_000).toFixed(1)} s)`);
  if (!ok) console.log(output.trimEnd());
  return ok;
}
