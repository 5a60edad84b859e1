import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { nameOf } from '../frame/run.ts';
import { table } from './section.ts';

/** Returns a table of every command with its options, from the commands themselves. */
export function commandTables(root: string, program: Command): string {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  const short = (name: string): string => {
    const script = Object.keys(scripts).find((key) => scripts[key] === `node cli/simple378.js ${name}`);
    if (script === undefined) return '';
    return ['start', 'stop', 'test'].includes(script) ? `\`npm ${script}\`` : `\`npm run ${script}\``;
  };
  const row = (command: Command): string[] => {
    const name = nameOf(command).replace('simple378 ', '');
    const names = command.registeredArguments.map((one) =>
      one.required ? ` <${one.name()}>` : ` [${one.name()}]`,
    );
    const options = command.options.map(({ long }) => `\`${long}\``).join(' ');
    return [`\`npx simple378 ${name}${names.join('')}\``, short(name), command.description(), options];
  };
  const heads = ['Short form', 'It does', 'Options'];
  const groups = program.commands.filter(({ commands }) => commands.length > 0);
  const others = program.commands.filter(
    (command) => command.commands.length === 0 && command.name() !== 'help',
  );
  return [
    ...groups.map((group) => table([group.description(), ...heads], group.commands.map(row))),
    table(['Others', ...heads], others.map(row)),
  ].join('\n\n');
}
