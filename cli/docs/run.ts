import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { stackRuns } from '../lib/stack.ts';
import { blocksOf, documents } from './problems.ts';

const usage = `npm run docs:test [-- --stack] [FILE…]

Runs the commands that the documents show, block by block, each in a shell of its own at the repository's root.
What is not run, and why, is listed.

  --stack   also those that need the local stack; it must be running

Exit: 0 every command run succeeded, 1 one did not, 2 could not run.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

await command('docs:test', usage, (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: { stack: { type: 'boolean' } },
    allowPositionals: true,
  });
  if (values.stack && !stackRuns())
    throw new CouldNotCheck('--stack, and the local stack does not run: npm start');
  const files = positionals.length > 0 ? positionals : documents(root);
  const all = files.flatMap((file) => blocksOf(root, file).map((block) => ({ file, ...block })));
  let failed = 0;
  let run = 0;
  for (const { file, line, code, mark } of all) {
    const due = mark?.kind === 'run' || (mark?.kind === 'stack' && values.stack === true);
    if (!due) {
      const reason = mark?.kind === 'not run' ? mark.because : mark === null ? 'no mark' : 'needs --stack';
      console.log(`skipped  ${file}:${line}  ${reason}`);
      continue;
    }
    run++;
    const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', code], {
      cwd: root,
      encoding: 'utf8',
      timeout: 300_000,
    });
    console.log(`${status === 0 ? 'ok      ' : 'FAIL    '} ${file}:${line}  ${code.split('\n')[0]}`);
    if (status === 0) continue;
    failed++;
    console.log(`${stdout}${stderr}`.replace(/^/gm, '    '));
  }
  console.log(`${run} run, ${failed} failed, ${all.length - run} skipped`);
  return failed === 0 ? 0 : 1;
});
