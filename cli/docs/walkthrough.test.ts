import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spawn, spawnSync } from '../../infra/programs/child-process.ts';

// Follows docs/adding-an-endpoint.md on a copy of the repository: its edits must type-check and pass the tests that know
// policies, metrics, alerts or controls.
const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(join(root, 'docs/adding-an-endpoint.md'), 'utf8');
const tests = [
  'app/cases/count.test.ts',
  'limiter/units.test.ts',
  'infra/local/policies-file.test.ts',
  'infra/settings/rules.test.ts',
  'loadtests/policies',
  'loadtests/scenarios',
  'policies/controls.test.ts',
  'slo/links.test.ts',
  'slo/near-misses.test.ts',
  'slo/objectives.test.ts',
];
let copy: string;

/** A code block with a comment before it: a new file, or an edit beside a line of a file. */
const step =
  /<!-- (?:file: (\S+)|in: (\S+), (after|before|instead of): (.+?)) -->\n(`{3,})\w*\n([\s\S]*?)\n\5(?:\n|$)/g;
const edits = [...guide.matchAll(step)].map(([, created, changed, place, line, , code = '']) => ({
  file: created ?? changed ?? '',
  place,
  line,
  code,
}));

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'walkthrough-'));
  const { stdout } = spawnSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of stdout.split('\n').filter((name) => name !== '' && existsSync(join(root, name))))
    cpSync(join(root, file), join(copy, file));
  for (const modules of ['node_modules', 'app/node_modules', 'policies/node_modules'])
    if (existsSync(join(root, modules))) symlinkSync(join(root, modules), join(copy, modules));
  for (const { file, place, line, code } of edits) {
    const path = join(copy, file);
    if (place === undefined) {
      writeFileSync(path, `${code}\n`);
      continue;
    }
    const lines = readFileSync(path, 'utf8').split('\n');
    const at = lines.findIndex((one) => one.trim() === line);
    if (at === -1) throw new Error(`${file} has no line: ${line}`);
    writeFileSync(
      path,
      lines
        .toSpliced(place === 'after' ? at + 1 : at, place === 'instead of' ? 1 : 0, ...code.split('\n'))
        .join('\n'),
    );
  }
}, 60_000);
afterAll(() => rmSync(copy, { recursive: true, force: true }));

async function run(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, args, { cwd: copy, env: { ...process.env, FORCE_COLOR: '0' } });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}\n${out}${errors}`);
}

test('the edits type-check and are formatted', async () => {
  expect(edits.length).toBeGreaterThan(10);
  const files = edits.map(({ file }) => file);
  const include = [...files.filter((file) => file.endsWith('.ts')), 'app/**/*.ts'];
  const config = { extends: './tsconfig.json', compilerOptions: { incremental: false }, include };
  writeFileSync(join(copy, 'tsconfig.walkthrough.json'), JSON.stringify(config));
  await run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.walkthrough.json');
  const code = files.filter((file) => /\.(ts|json)$/.test(file));
  await run('node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', ...code);
}, 120_000);

test('its commands write the generated files, and the tests of every step pass', async () => {
  for (const command of ['generate', 'env render'].map((words) => words.split(' ')))
    await run('cli/main.ts', ...command);
  await run('node_modules/vitest/vitest.mjs', 'run', ...tests);
}, 180_000);
