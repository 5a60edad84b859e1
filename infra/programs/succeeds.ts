import { execFileSync } from './child-process.ts';
import type { Environment } from './find.ts';

/** Returns whether a command ends with 0 within ten seconds. */
export function succeeds([program = '', ...args]: readonly string[], environment: Environment): boolean {
  try {
    execFileSync(program, args, {
      env: environment as NodeJS.ProcessEnv,
      stdio: 'ignore',
      timeout: 10_000,
    });
    return true;
  } catch {
    return false;
  }
}
