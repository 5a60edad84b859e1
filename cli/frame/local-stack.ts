import { setTimeout } from 'node:timers/promises';
import { spawn } from '../../infra/programs/child-process.ts';
import { CouldNotCheck } from './command.ts';
import { root, runCommand } from './process.ts';

/** Enough for a first start on a slow line. */
const maxStartSeconds = 300;

/** Returns whether the stack of this checkout runs and is ready. */
export async function isStackRunning(): Promise<boolean> {
  const { readStackFile } = await import('../../infra/local/stack-file.ts');
  return readStackFile() !== undefined;
}

/**
 * Starts a local stack, runs `body`, and stops the stack.
 * @param options those of `npm start`
 * @throws CouldNotCheck when the stack does not start
 */
export async function withStack<T>(options: readonly string[], body: () => Promise<T>): Promise<T> {
  // A process group of its own, so that Ctrl-C reaches the body and not the stack, which is stopped in order below.
  const stack = spawn(process.execPath, ['cli/main.ts', 'stack', 'start', ...options], {
    cwd: root,
    stdio: 'ignore',
    detached: true,
  });
  let ended = false;
  stack.on('exit', () => {
    ended = true;
  });
  try {
    for (let waited = 0; !(await isStackRunning()); waited++) {
      if (ended || waited > maxStartSeconds)
        throw new CouldNotCheck(
          `the stack does not start; npm start -- ${options.join(' ')} shows the reason`,
        );
      await setTimeout(1_000);
    }
    return await body();
  } finally {
    await runCommand('stack', 'stop');
  }
}
