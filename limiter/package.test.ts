import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { execFileSync } from '../infra/programs/child-process.ts';
import { startRedis } from '../test/support/redis.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const modules = join(here, '../node_modules');
const project = mkdtempSync(join(tmpdir(), 'limiter-user-'));
const server = await startRedis();
afterAll(async () => {
  await server.stop();
  rmSync(project, { recursive: true, force: true });
});

test('the packed package runs the example of its README in an empty project, and has types', () => {
  const run = (command: string, args: readonly string[], cwd = project) =>
    execFileSync(command, [...args], {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, REDIS_URL: server.url },
    });
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', project], here)) as [
    { filename: string; files: { path: string }[] },
  ];
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'dist/limiter/index.d.ts']));
  expect(paths.filter((path) => /test|bench|faults|mutants/.test(path))).toEqual([]);

  const target = join(project, 'node_modules/@simple378/limiter');
  mkdirSync(target, { recursive: true });
  run('/usr/bin/tar', ['-xzf', packed.filename, '--strip-components=1', '-C', target]);
  // Its only peer; the registry is not asked in a test.
  symlinkSync(join(modules, 'ioredis'), join(project, 'node_modules/ioredis'));
  const example = /```js\n([\s\S]+?)```/.exec(readFileSync(join(here, 'README.md'), 'utf8'))?.[1] ?? '';
  writeFileSync(join(project, 'example.mjs'), example);
  expect(run(process.execPath, ['example.mjs']).trim()).toBe('allow default 99');

  symlinkSync(join(modules, '@types'), join(project, 'node_modules/@types'));
  symlinkSync(join(modules, 'fastify'), join(project, 'node_modules/fastify'));
  copyFileSync(join(project, 'example.mjs'), join(project, 'example.mts'));
  writeFileSync(
    join(project, 'entries.mts'),
    "import { rateLimit } from '@simple378/limiter/fastify';\nimport { rateLimit as middleware } from '@simple378/limiter/express';\nexport const both: [string, string] = [rateLimit.name, middleware.name];\n",
  );
  run(process.execPath, [
    join(modules, 'typescript/bin/tsc'),
    ...'--noEmit --skipLibCheck false --module nodenext --target es2024 --types node entries.mts'.split(' '),
  ]);
}, 120_000);
