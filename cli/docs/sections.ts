import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { capacitySections } from './capacity-tables.ts';
import { commandTables } from './command-tables.ts';
import { replaced, type Section } from './section.ts';
import { stackSections } from './stack-tables.ts';

/** Returns the guides with their generated sections written anew, by path. */
export function guides(root: string, program: Command): Record<string, string> {
  const sections: readonly Section[] = [
    { file: 'docs/commands.md', name: 'commands', content: () => commandTables(root, program) },
    ...capacitySections,
    ...stackSections,
  ];
  const texts: Record<string, string> = {};
  for (const { file, name, content } of sections) {
    const text = texts[file] ?? readFileSync(join(root, file), 'utf8');
    texts[file] = replaced(text, name, content(root));
  }
  return texts;
}
