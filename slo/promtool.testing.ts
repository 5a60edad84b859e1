import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from '../infra/programs/child-process.ts';

const run = promisify(execFile);

/** Runs promtool in a folder of its own that holds these files; gives its output, and whether it was content. */
export async function promtool(
  files: readonly { readonly name: string; readonly content: string }[],
  ...args: readonly string[]
): Promise<{ readonly ok: boolean; readonly output: string }> {
  const cwd = mkdtempSync(join(tmpdir(), 'promtool-'));
  try {
    for (const { name, content } of files) writeFileSync(join(cwd, name), content);
    const { stdout, stderr } = await run('promtool', [...args], { cwd, maxBuffer: 1 << 26 });
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT') throw error;
    return { ok: false, output: stdout + stderr };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
