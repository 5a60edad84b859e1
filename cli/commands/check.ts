import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import { spawn } from '../../infra/programs/child-process.ts';
import { exits } from '../frame/command.ts';
import { root, runProgram } from '../frame/process.ts';
import { conclude, print, type ReportFiles, type Verdict, verdictOf, withReports } from '../frame/verdict.ts';
import { importProblems } from '../imports/boundaries.ts';

const biome = 'node_modules/@biomejs/biome/bin/biome';
const tsc = 'node_modules/typescript/bin/tsc';
const remark = 'node_modules/remark-cli/cli.js';
const vitest = 'node_modules/vitest/vitest.mjs';

/** `npm run check` */
export const check = (): Command =>
  withReports(
    new Command('check').description('check lint, types, import boundaries, links and generated files'),
  ).action(
    exits(async (files: ReportFiles) => {
      const verdicts: Verdict[] = [
        await node('lint', biome, 'ci', '--colors=off', '--error-on-warnings', '.'),
        await node('types', tsc, '-p', '.'),
        await verdictOf('imports', () => {
          const problems = importProblems(root);
          if (problems.length > 0) throw new Error(problems.join('\n'));
          return '';
        }),
        await node('links', remark, '--quiet', '--frail', '--no-stdout', '.'),
        await node('generated files', 'cli/main.ts', 'generate', '--check'),
        await node('rendered manifests', 'cli/main.ts', 'env', 'render', '--check'),
      ];
      return conclude('check', verdicts, files);
    }),
  );

/** `npm run fix` */
export const fix = (): Command =>
  new Command('fix')
    .description('format the code and fix lint findings')
    .action(
      exits(() => runProgram(process.execPath, [biome, 'check', '--write', '--error-on-warnings', '.'])),
    );

/** `npm test` */
export const test = (): Command =>
  new Command('test')
    .description('run the tests that need no cluster; arguments go to vitest')
    .argument('[vitest arguments...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(
      exits((args: string[]) =>
        runProgram(process.execPath, [vitest, 'run', '--project', 'simple378', ...args]),
      ),
    );

/** Runs a script with this Node.js; a nonzero exit code fails with its output. */
async function node(name: string, ...script: string[]): Promise<Verdict> {
  const started = performance.now();
  const child = spawn(process.execPath, script, { cwd: root });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  const seconds = (performance.now() - started) / 1_000;
  return print({
    name,
    outcome: code === 0 ? 'holds' : 'fails',
    detail: code === 0 ? '' : out + errors,
    seconds,
  });
}
