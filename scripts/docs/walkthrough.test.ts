import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { edited, editsOf } from './steps.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(join(root, 'docs/adding-an-endpoint.md'), 'utf8');
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'walkthrough-'));
  const kept = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  }).stdout;
  for (const file of kept.split('\n').filter((name) => name !== '' && !name.startsWith('rendered/'))) {
    cpSync(join(root, file), join(copy, file), { recursive: true, force: true });
  }
  for (const modules of ['node_modules', 'app/node_modules', 'policies/node_modules']) {
    if (existsSync(join(root, modules))) symlinkSync(join(root, modules), join(copy, modules));
  }
  for (const edit of editsOf(guide)) {
    const path = join(copy, edit.file);
    writeFileSync(path, edit.kind === 'file' ? `${edit.code}\n` : edited(readFileSync(path, 'utf8'), edit));
  }
}, 60_000);
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** Runs a script of the copy, or a program of its packages. */
async function run(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, args, { cwd: copy });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  if (code !== 0) throw new Error(`${args.join(' ')}\n${out}${errors}`);
}

test('the guide has every step', () => {
  expect(editsOf(guide).length).toBeGreaterThan(10);
});

test.concurrent('what it adds type-checks', async () => {
  const files = editsOf(guide).map(({ file }) => file);
  const config = {
    extends: './tsconfig.json',
    compilerOptions: { incremental: false },
    include: [...files.filter((file) => file.endsWith('.ts')), 'app/src/**/*.d.ts'],
  };
  writeFileSync(join(copy, 'tsconfig.walkthrough.json'), JSON.stringify(config));
  await run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.walkthrough.json');
}, 120_000);

test.concurrent('its endpoint answers, is limited, and its panel and alert are in order', async () => {
  await run('slo/generate.ts');
  await run('dashboards/generate.ts');
  await run('node_modules/vitest/vitest.mjs', 'run', 'app/src/cases/count.test.ts', 'slo/links.test.ts');
}, 180_000);
