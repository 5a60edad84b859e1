import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { importProblems, problemsOf } from './boundaries.ts';

describe('the rooms of the house', () => {
  test('import of each other only what is shared', () => {
    expect(importProblems(fileURLToPath(new URL('..', import.meta.url)))).toEqual([]);
  });

  test.each([
    ['app', 'app/src/x.ts', "import * as pulumi from '@pulumi/pulumi';"],
    ['app', 'app/src/x.ts', "import { a } from '../../infra/settings.ts';"],
    ['app', 'app/src/x.ts', "const a = await import('../../slo/rules.ts');"],
    ['infra', 'infra/x.ts', "import { a } from '../app/src/service.ts';"],
    ['infra', 'infra/x.ts', "import fastify from 'fastify';"],
    ['dashboards', 'dashboards/x.ts', "export { a } from '../infra/images.ts';"],
    ['app', 'app/src/limiter/policies.ts', "import { readFileSync } from 'node:fs';"],
    ['app', 'app/src/limiter/policies.ts', "import { a } from './index.ts';"],
  ] as const)('refuses in %s: %s %s', (room, file, source) => {
    expect(problemsOf(room, file, source)).toHaveLength(1);
  });

  test.each([
    ['infra', 'infra/x.ts', "import { defaultPolicies } from '../app/src/limiter/policies.ts';"],
    ['loadtests', 'loadtests/x.ts', "import { objectives } from '../slo/index.ts';"],
    ['app', 'app/src/limiter/x.test.ts', "import { startRedis } from '../../../test/support/redis.ts';"],
    ['app', 'app/src/x.ts', "// import { a } from '../../infra/settings.ts';"],
  ] as const)('lets %s have it: %s %s', (room, file, source) => {
    expect(problemsOf(room, file, source)).toEqual([]);
  });
});
