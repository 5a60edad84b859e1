import { fileURLToPath } from 'node:url';
import { command, noArguments } from '../lib/command.ts';
import { follow } from './walkthrough.ts';

const usage = `npm run docs:follow

Follows docs/adding-an-endpoint.md on a copy of the repository, and runs lint, types and all tests there: the same as
cli/docs/walkthrough.test.ts does with a few. Takes as long as npm run check and npm test together.

Exit: 0 all hold, 1 one does not.`;

const root = fileURLToPath(new URL('../..', import.meta.url));

await command('docs:follow', usage, async (args) => {
  noArguments(args);
  const copy = follow(root, 'docs/adding-an-endpoint.md');
  try {
    await copy.commands();
    await copy.run('node_modules/@biomejs/biome/bin/biome', 'ci', '--error-on-warnings', '.');
    await copy.run('node_modules/typescript/bin/tsc', '-p', '.');
    // Not the test that follows the page: here that is done already.
    await copy.run('node_modules/vitest/vitest.mjs', 'run', '--exclude', 'cli/docs/walkthrough.test.ts');
    return 0;
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  } finally {
    copy.remove();
  }
});
