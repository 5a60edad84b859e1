import { groups, typed } from './commands.ts';
import { command, noArguments } from './lib/command.ts';

await command('help', 'npm run help\n\nThe commands of this repository.', (args) => {
  noArguments(args);
  const width = Math.max(...groups.flatMap(({ commands }) => commands.map(({ name }) => typed(name).length)));
  const text = groups.map(({ title, commands }) => {
    const lines = commands.map(({ name, does }) => `  ${typed(name).padEnd(width)}  ${does}`);
    return [title, ...lines].join('\n');
  });
  console.log(`${text.join('\n\n')}\n\nEach takes \`-- --help\`. Guides: docs/README.md`);
  return 0;
});
