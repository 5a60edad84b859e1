import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) => readFileSync(new URL(`../docs/${path}`, import.meta.url), 'utf8');

test.each(['tiny-service.mjs', 'Dockerfile'])('the guide shows docs/examples/%s as it is', (name) => {
  const guide = read('bring-your-own-service.md');
  const block = [...guide.matchAll(/```\w+\n(?:\/\/|#) (docs\/examples\/\S+)\n([\s\S]*?)```/g)].find(
    ([, path]) => path === `docs/examples/${name}`,
  );
  const file = read(`examples/${name}`).replace(/^\/\/ The smallest service.*\n/, '');
  expect(block?.[2]).toBe(file);
});
