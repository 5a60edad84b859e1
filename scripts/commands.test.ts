import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { groups } from './commands.ts';

/** Steps of other commands and of workflows, which nobody needs to know. */
const inner =
  /^(pre|post)|^(help|setup|ci:tools|ci:stack|sbom|lint:workflows|image:(name|sign|verify)|cluster:login)$|^generate:/;

test('the list is package.json’s', () => {
  const file = new URL('../package.json', import.meta.url);
  const { scripts } = JSON.parse(readFileSync(file, 'utf8')) as { scripts: Record<string, string> };
  const listed = groups.flatMap(({ commands }) => commands.map(({ name }) => name));
  expect([...listed].sort()).toEqual(
    Object.keys(scripts)
      .filter((name) => !inner.test(name))
      .sort(),
  );
});
