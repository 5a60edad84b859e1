import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { cycles, folderGraph, importProblems, problemsOf, spawnProblems } from './boundaries.ts';

describe('import boundaries', () => {
  test('hold in this repository', () => {
    expect(importProblems(fileURLToPath(new URL('../..', import.meta.url)))).toEqual([]);
  });

  test.each([
    ['app/x.ts', "import * as pulumi from '@pulumi/pulumi';"],
    ['app/x.ts', "import { a } from '../infra/settings/index.ts';"],
    ['app/x.ts', "const a = await import('../slo/rules.ts');"],
    ['limiter/x.ts', "import { a } from '../app/service.ts';"],
    ['infra/x.ts', "import { a } from '../app/service.ts';"],
    ['infra/x.ts', "import fastify from 'fastify';"],
    ['dashboards/x.ts', "export { a } from '../infra/images.ts';"],
    ['contract/policies.ts', "import { readFileSync } from 'node:fs';"],
  ])('refuse %s: %s', (file, source) => {
    expect(problemsOf(file, source)).toHaveLength(1);
  });

  test.each([
    ['infra/x.ts', "import { defaultPolicies } from '../contract/policies.ts';"],
    ['loadtests/x.ts', "import { objectives } from '../slo/objectives/objectives.ts';"],
    ['limiter/x.test.ts', "import { startRedis } from '../test/support/redis.ts';"],
    ['app/x.ts', "// import { a } from '../infra/settings/index.ts';"],
  ])('allow %s: %s', (file, source) => {
    expect(problemsOf(file, source)).toEqual([]);
  });

  test('find a cycle of files', () => {
    const graph = new Map([
      ['a.ts', ['b.ts']],
      ['b.ts', ['c.ts']],
      ['c.ts', ['a.ts']],
    ]);
    expect(cycles(graph)).toEqual([['a.ts', 'b.ts', 'c.ts', 'a.ts']]);
  });

  test('find a cycle of a folder and its sub-folder, and leave tests out', () => {
    const graph = new Map([
      ['a/index.ts', ['a/b/one.ts']],
      ['a/b/one.ts', []],
      ['a/b/two.ts', ['a/base.ts']],
      ['a/base.ts', []],
      ['c/x.ts', ['d/x.ts']],
      ['d/x.test.ts', ['c/x.ts']],
    ]);
    expect(cycles(folderGraph(graph))).toEqual([['a', 'a/b', 'a']]);
  });
});

test('a program that is run by name without the resolver is named', () => {
  const source = "import { spawnSync } from 'node:child_process';\nspawnSync('redis-cli', ['ping']);\n";
  expect(spawnProblems('limiter/bench/main.ts', source)).toEqual([
    "limiter/bench/main.ts: runs 'redis-cli' by name; import infra/programs/child-process.ts",
  ]);
  expect(spawnProblems('limiter/bench/main.ts', source.replace("'redis-cli'", 'process.execPath'))).toEqual(
    [],
  );
  expect(
    spawnProblems('limiter/bench/main.ts', source.replace('node:child_process', './programs.ts')),
  ).toEqual([]);
});
