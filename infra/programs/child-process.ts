import * as node from 'node:child_process';
import { promisify } from 'node:util';
import { type Environment, programPath } from './find.ts';

/**
 * The functions of `node:child_process`, which the rest of the repository must not import. They take a name of the
 * catalogue, or a path, and run the program that `find.ts` finds.
 * @throws ProgramMissing instead of an event or an error code of the system, also from the functions with callbacks
 */
export const spawn = resolved(node.spawn);
export const spawnSync = resolved(node.spawnSync);
export const execFileSync = resolved(node.execFileSync);
export const execFile = Object.assign(resolved(node.execFile), {
  [promisify.custom]: resolved(promisify(node.execFile)),
}) as unknown as typeof node.execFile;

/** Starts another Node.js process of a module. */
export const fork = node.fork;

export type { ChildProcess, ChildProcessByStdio, SpawnSyncReturns } from 'node:child_process';

// biome-ignore lint/suspicious/noExplicitAny: keeps the overloads of the function that it wraps
function resolved<F extends (program: string, ...rest: any[]) => unknown>(run: F): F {
  return ((program: string, ...rest: readonly unknown[]) => {
    const options = rest.find(
      (argument): argument is { env?: Environment } =>
        typeof argument === 'object' && argument !== null && !Array.isArray(argument),
    );
    return run(programPath(program, options?.env ?? process.env), ...rest);
  }) as F;
}
