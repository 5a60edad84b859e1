import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { blocksOf, documents, problemsOf } from './problems.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('the documents here', () => {
  test.each(documents(root))('%s', (file) => {
    expect(problemsOf(root, file)).toEqual([]);
  });
});

test('what is wrong is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'));
  try {
    mkdirSync(join(folder, 'docs/runbooks'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"scripts":{"start":"true"}}');
    writeFileSync(join(folder, 'README.md'), '# Here\n\n[a](docs/a.md#b), [c](c.md), [d](../d.md)\n');
    writeFileSync(join(folder, 'docs/a.md'), '## A\n\n```sh\nnpm run strat\nnpm start\n```\n');
    writeFileSync(join(folder, 'docs/runbooks/b.md'), '```sh\ntrue\n```\n');
    expect(documents(folder)).toEqual(['README.md', 'docs/a.md', 'docs/runbooks/b.md']);
    expect(problemsOf(folder, 'README.md').map(({ text }) => text)).toEqual([
      'docs/a.md has no heading #b',
      'c.md does not exist',
      '../d.md leaves the repository',
    ]);
    expect(problemsOf(folder, 'docs/a.md').map(({ line }) => line)).toEqual([3, 4]);
    expect(problemsOf(folder, 'docs/runbooks/b.md')).toEqual([]);
    expect(blocksOf(folder, 'docs/runbooks/b.md')[0]?.mark?.kind).toBe('not run');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
