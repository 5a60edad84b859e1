import { spawnSync } from '../../infra/programs/child-process.ts';
import { CouldNotCheck } from '../lib/command.ts';

/**
 * Runs a program beside this one's output: 0 where it succeeds, else 1.
 * @param noes its exit codes that are an answer; after any other nothing is known, and this gives 2
 * @throws CouldNotCheck when it is not installed
 */
export function runProgram(program: string, args: readonly string[], noes?: readonly number[]): 0 | 1 | 2 {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error !== undefined) throw new CouldNotCheck(`${program} is not installed`);
  if (status === 0) return 0;
  return noes === undefined || (status !== null && noes.includes(status)) ? 1 : 2;
}
