import { setTimeout } from 'node:timers/promises';
import { readStackFile } from '../../infra/local/stack-file.ts';
import { spawn, spawnSync } from '../../infra/programs/child-process.ts';
import { CouldNotCheck } from './command.ts';

/** Long enough for a first start on a slow line. */
const startedWithinSeconds = 300;

/** Whether the stack of this checkout runs and is ready. */
export const stackRuns = (): boolean => readStackFile() !== undefined;

/**
 * Runs `body` beside a local stack that is started for it and stopped after it.
 * @param args options of `npm start`
 * @throws CouldNotCheck when it does not start
 */
export async function withStack<T>(
  root: string,
  args: readonly string[],
  body: () => T | Promise<T>,
): Promise<T> {
  // Its own process group, so that Ctrl-C reaches the steps and not the stack, which is stopped in order below.
  const stack = spawn('npm', ['start', '--', ...args], { cwd: root, stdio: 'ignore', detached: true });
  let ended = false;
  stack.on('exit', () => {
    ended = true;
  });
  try {
    for (let waited = 0; !stackRuns(); waited++) {
      if (ended || waited > startedWithinSeconds)
        throw new CouldNotCheck(`the stack does not start; npm start -- ${args.join(' ')} shows why`);
      await setTimeout(1_000);
    }
    return await body();
  } finally {
    spawnSync('npm', ['run', '--silent', 'stop'], { cwd: root, stdio: 'inherit' });
  }
}
