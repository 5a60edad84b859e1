import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Runs the Pulumi CLI on this project without questions and gives what it printed.
 * @param input its standard input: for secrets, since arguments are seen by everybody on the machine
 * @throws Error with what it complained of
 */
export function pulumi(args: readonly string[], input = ''): string {
  const { error, status, stdout, stderr } = spawnSync('pulumi', [...args, '--non-interactive'], {
    cwd: root,
    input,
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
