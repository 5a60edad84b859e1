import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { execFile } from '../infra/programs/child-process.ts';
import { startRedis } from '../test/support/redis.ts';

const server = await startRedis();
afterAll(() => server.stop());

test('the example of the README runs and prints what it says', async () => {
  const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]+?)```/.exec(readme)?.[1] ?? '';
  const folder = fileURLToPath(new URL('../node_modules/.cache/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const file = `${folder}limiter-readme.mjs`;
  writeFileSync(
    file,
    example.replace("'./index.ts'", JSON.stringify(new URL('./index.ts', import.meta.url).href)),
  );
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    env: { ...process.env, REDIS_URL: server.url },
  });
  expect(stdout.trim()).toBe('allow default 99');
  expect(readme).toContain(`\`${stdout.trim()}\``);
});
