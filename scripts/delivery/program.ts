import { spawnSync } from 'node:child_process';
import { CouldNotCheck } from '../lib/command.ts';

/** Runs a program beside this one's output: 0 or 1, as it succeeds. @throws CouldNotCheck when it is not installed */
export function runProgram(program: string, args: readonly string[]): number {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error !== undefined) throw new CouldNotCheck(`${program} is not installed`);
  return status === 0 ? 0 : 1;
}
