import { execFileSync } from 'node:child_process';

/** Whether a command ends well, within ten seconds. */
export function succeeds(
  [command = '', ...args]: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  try {
    execFileSync(command, args, {
      env: environment as NodeJS.ProcessEnv,
      stdio: 'ignore',
      timeout: 10_000,
    });
    return true;
  } catch {
    return false;
  }
}
