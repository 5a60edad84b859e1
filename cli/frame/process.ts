import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { spawn } from '../../infra/programs/child-process.ts';
import { exits } from './command.ts';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program in the repository's folder on this terminal. @returns its exit code @throws ProgramMissing */
export function runProgram(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    });
    // The terminal sends Ctrl-C to the child too, which decides when it ends.
    const ignore = (): void => undefined;
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on('SIGINT', ignore).on('SIGTERM', forward);
    const end = (): void => void process.off('SIGINT', ignore).off('SIGTERM', forward);
    child.on('error', (error) => {
      end();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      end();
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}

/** Runs one of the commands of this repository in a process of its own. @returns its exit code */
export function runCommand(...args: readonly string[]): Promise<number> {
  return runProgram(process.execPath, ['cli/main.ts', ...args]);
}

/** A command that passes all its arguments to a program that reads them itself. */
export function passThrough(name: string, program: readonly [string, ...string[]]): Command {
  return new Command(name)
    .allowUnknownOption()
    .helpOption(false)
    .argument('[arguments...]', `passed to ${program[0]}`)
    .action(exits((args: string[]) => runProgram(process.execPath, [...program, ...args])));
}
