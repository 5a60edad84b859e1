import { groups, typed } from './commands.ts';
import { command } from './lib/command.ts';

await command('help', 'npm run help\n\nThe commands of this repository.', () => {
  const width = Math.max(...groups.flatMap(({ commands }) => commands.map(({ name }) => typed(name).length)));
  const text = groups.map(({ title, commands }) => {
    const lines = commands.map(({ name, does }) => `  ${typed(name).padEnd(width)}  ${does}`);
    return [title, ...lines].join('\n');
  });
  console.log(`${text.join('\n\n')}\n\nEach takes \`-- --help\`. Guides: docs/README.md`);
  return 0;
});
