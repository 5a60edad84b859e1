import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { command } from '../lib/command.ts';
import { replaced, sections } from './sections.ts';

const usage = `npm run generate [-- --check]

Writes the parts of the guides that come from data: commands, ports, policies, and capacity.

  --check   write nothing; exit 1 when one is stale

Exit: 0 current or written, 1 stale, 2 wrong usage.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

await command('generate:docs', usage, (args) => {
  const { values } = parseArgs({ args, options: { check: { type: 'boolean' } } });
  const stale: string[] = [];
  for (const { file, name, content } of sections) {
    const path = join(root, file);
    if (!existsSync(path)) throw new Error(`${file} is not there, and should hold the section ${name}`);
    const text = readFileSync(path, 'utf8');
    const wanted = replaced(text, name, content(root));
    if (wanted === text) continue;
    stale.push(`${file}: ${name}`);
    if (!values.check) writeFileSync(path, wanted);
  }
  for (const one of stale) console.log(`${values.check ? 'stale' : 'wrote'} ${one}`);
  return values.check && stale.length > 0 ? 1 : 0;
});
