import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { spawnSync } from '../infra/programs/child-process.ts';

test('the k6 scripts type-check against k6’s own types', () => {
  const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  const project = fileURLToPath(new URL('./tsconfig.json', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});
