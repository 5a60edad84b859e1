import { fileURLToPath } from 'node:url';
import { spawnSync } from './programs/child-process.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * For the environment of a Pulumi that compares with what runs. Fields that somebody changed by hand are owned by what they did
 * it with, and to set one that another owns is a conflict, in a preview too, unless it is forced.
 */
export const takingBack = { PULUMI_K8S_ENABLE_PATCH_FORCE: 'true' } as const;

/**
 * Runs the Pulumi CLI on this project without questions and gives what it printed.
 * @param input its standard input: for secrets, since arguments are seen by everybody on the machine
 * @param env more of its environment
 * @throws Error with what it complained of
 */
export function pulumi(
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): string {
  const { error, status, stdout, stderr } = spawnSync('pulumi', [...args, '--non-interactive'], {
    cwd: root,
    input,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error)
    throw new Error(
      'code' in error && error.code === 'ENOENT'
        ? 'pulumi is not installed: see docs/operations.md, "Install"'
        : error.message,
    );
  if (status !== 0)
    throw new Error(`pulumi ${args.slice(0, 2).join(' ')}: ${stderr.trim() || complaints(stdout)}`);
  return stdout;
}

/** With `--json` the CLI complains within its answer. */
function complaints(answer: string): string {
  try {
    const { diagnostics } = JSON.parse(answer) as { diagnostics: { severity: string; message: string }[] };
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    return errors.map(({ message }) => message.trim()).join('; ');
  } catch {
    return 'it did not say why';
  }
}
