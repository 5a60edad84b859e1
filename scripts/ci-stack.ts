import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CouldNotCheck, command, noArguments } from './lib/command.ts';
import { runSteps, type Step } from './lib/steps.ts';

const usage = `npm run ci:stack

What needs the stack to run: load, the security checklist, the documents' commands, and a picture of each dashboard.
Uses a stack that runs already, else starts one and stops it.

Exit: 0 all hold, 1 one does not, 2 one could not be checked.`;

const root = fileURLToPath(new URL('..', import.meta.url));
const ready = join(root, '.local', 'stack.json');
const gates: readonly Step[] = [
  { name: 'load', script: 'test:load' },
  { name: 'the security checklist on what runs', script: 'security-verify' },
  { name: 'the commands that the documents show', script: 'docs:test', args: ['--stack'] },
  { name: 'pictures of the dashboards', script: 'dashboards:preview', optional: true },
];

await command('ci:stack', usage, async (args) => {
  noArguments(args);
  if (existsSync(ready)) return runSteps(root, gates);
  // Its own process group, so that Ctrl-C reaches the steps and not the stack, which is stopped in order below.
  const stack = spawn('npm', ['start'], { cwd: root, stdio: 'ignore', detached: true });
  let ended = false;
  stack.on('exit', () => {
    ended = true;
  });
  try {
    for (let waited = 0; !existsSync(ready); waited++) {
      if (ended || waited > 600) throw new CouldNotCheck('the stack does not start; npm start shows why');
      await setTimeout(500);
    }
    return runSteps(root, gates);
  } finally {
    spawnSync('npm', ['run', '--silent', 'stop'], { cwd: root, stdio: 'inherit' });
  }
});
