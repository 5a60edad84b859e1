import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CouldNotCheck } from '../lib/command.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the Pulumi CLI without questions and returns what it prints. @throws CouldNotCheck */
export function pulumi(...args: string[]): string {
  const { status, stdout, error } = spawnSync('pulumi', [...args, '--non-interactive'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error !== undefined)
    throw new CouldNotCheck('pulumi is not installed: https://www.pulumi.com/docs/install/');
  if (status !== 0) throw new CouldNotCheck(`pulumi ${args[0]} ended with ${status}, see above`);
  return stdout;
}
