import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { basePorts } from '../../infra/local/layout.ts';
import { replaced, sections } from './sections.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test.each(sections)('$file: $name is current', ({ file, name, content }) => {
  const text = readFileSync(join(root, file), 'utf8');
  expect(replaced(text, name, content(root))).toBe(text);
});

test('every port of the local stack is in the README', () => {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const table = text.slice(text.indexOf('generated: ports'), text.indexOf('end of ports'));
  for (const port of Object.values(basePorts)) expect(table).toContain(String(port));
});

test('a section without its comments is an error', () => {
  expect(() => replaced('# Title\n', 'x', 'y')).toThrow('there is no section x');
  const text = 'a\n<!-- generated: x; npm run generate -->\nold\n<!-- end of x -->\nb\n';
  expect(replaced(text, 'x', 'new')).toContain('-->\n\nnew\n\n<!-- end');
});
