import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { groups, typed } from './commands.ts';

/** Steps of other commands and of workflows, which nobody needs to know. */
const inner =
  /^(pre|post)|^(help|setup|ci:tools|ci:stack|sbom|lint:workflows|image:(name|sign|verify)|cluster:login)$|^generate:/;

const root = fileURLToPath(new URL('..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  scripts: Record<string, string>;
};
const listed = groups.flatMap(({ commands }) => commands.map(({ name }) => name));

test('the list is package.json’s', () => {
  expect([...listed].sort()).toEqual(
    Object.keys(scripts)
      .filter((name) => !inner.test(name))
      .sort(),
  );
});

test('each says with --help how it is used, and does nothing', { timeout: 120_000 }, async () => {
  // vitest and Biome answer for themselves.
  const own = listed.filter((name) => scripts[name]?.startsWith('node '));
  expect(own.length).toBeGreaterThan(listed.length - 5);
  const wrong: string[] = [];
  const worker = async (): Promise<void> => {
    for (let name = own.pop(); name !== undefined; name = own.pop()) {
      const problem = await helpProblem(name, scripts[name] ?? '');
      if (problem !== undefined) wrong.push(`${name}: ${problem}`);
    }
  };
  await Promise.all([worker(), worker()]);
  expect(wrong).toEqual([]);
});

/** Runs it in a group of its own: one that starts its work instead is ended with all that it started. */
async function helpProblem(name: string, script: string): Promise<string | undefined> {
  const args = [...script.split(' ').slice(1), '--help'];
  const child = spawn(process.execPath, args, { cwd: root, detached: true });
  const late = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGTERM'), 20_000);
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  clearTimeout(late);
  if (code !== 0 || errors !== '') return `ended with ${code} ${errors}`;
  return out.includes(typed(name)) ? undefined : `does not say what to type: ${out}`;
}
