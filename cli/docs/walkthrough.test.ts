import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Copy, follow } from './walkthrough.ts';

// The tests that know policies, metrics, alerts or controls, and take seconds; `npm run docs:follow` runs all of them.
const tests = [
  'app/cases/count.test.ts',
  'limiter/units.test.ts',
  'infra/local/policies-file.test.ts',
  'infra/settings/rules.test.ts',
  'loadtests/policies',
  'loadtests/scenarios',
  'policies/controls.test.ts',
  'cli/docs/docs.test.ts',
  'slo/links.test.ts',
  'slo/near-misses.test.ts',
  'slo/objectives.test.ts',
];

const root = fileURLToPath(new URL('../..', import.meta.url));
let copy: Copy;

beforeAll(() => {
  copy = follow(root, 'docs/adding-an-endpoint.md');
}, 60_000);
afterAll(() => copy.remove());

test('the guide has every step', () => {
  expect(copy.edits.length).toBeGreaterThan(15);
});

test.concurrent('what it adds type-checks, and is formatted', async () => {
  const files = copy.edits.map(({ file }) => file);
  const config = {
    extends: './tsconfig.json',
    compilerOptions: { incremental: false },
    include: [...files.filter((file) => file.endsWith('.ts')), 'app/**/*.d.ts'],
  };
  writeFileSync(join(copy.folder, 'tsconfig.walkthrough.json'), JSON.stringify(config));
  await copy.run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.walkthrough.json');
  await copy.run(
    'node_modules/@biomejs/biome/bin/biome',
    'ci',
    '--error-on-warnings',
    ...files.filter(isCode),
  );
}, 120_000);

test.concurrent('its commands write what is generated and break its control, and the tests of all of it pass', async () => {
  expect(await copy.commands()).toEqual(expect.arrayContaining(['generate', 'render']));
  await copy.run('node_modules/vitest/vitest.mjs', 'run', ...tests);
}, 180_000);

const isCode = (file: string) => /\.(ts|json)$/.test(file);
