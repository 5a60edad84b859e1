import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { command } from './lib/command.ts';
import { runSteps, type Step } from './lib/steps.ts';

const usage = `npx simple378 verify pull-request [--quick]

The gates of a pull request, as .github/workflows/pull-request.yml runs them, and a table at the end. What the change does to
each environment is told, too: reports/render-diff.md.

  --quick   without the running stack (load, security, pictures)

Exit: 0 all hold, 1 one does not, 2 one could not be checked.`;

/** The gates, in the order of the workflow's job; a test keeps the two equal. */
export const gates: readonly Step[] = [
  { name: 'lint, types, generated files', script: 'check' },
  { name: 'tests, and how much they cover', script: 'test', args: ['--coverage'] },
  { name: 'policies over every environment', script: 'policies' },
  { name: 'rendered manifests are current', script: 'render', args: ['--check'] },
  { name: 'workflows', script: 'lint:workflows', optional: true },
  { name: 'bill of materials', script: 'sbom' },
];

/** The gates that need the stack to run. */
export const stackGates: readonly Step[] = [
  { name: 'the main job on the running stack', script: 'start', args: ['--smoke'] },
  { name: 'load, security and pictures on the running stack', script: 'ci:stack' },
];

/** What is told beside the gates; where there is no commit to compare with, as in a shallow clone, it is skipped. */
export const reports: readonly Step[] = [
  {
    name: 'what changes per environment',
    script: 'render:diff',
    args: ['--out', 'reports/render-diff.md'],
    optional: true,
  },
];

/** Commands of the workflow that are not for a laptop, and why. */
export const onlyOnGitHub: Readonly<Record<string, string>> = {
  'npm run ci:tools': 'changes the machine that it runs on',
  'gh pr comment': 'needs a pull request; its job checks nothing out, since it may write',
};

if (process.argv[1] === fileURLToPath(import.meta.url))
  await command('ci:local', usage, (args) => {
    const { values } = parseArgs({ args, options: { quick: { type: 'boolean' } } });
    const root = fileURLToPath(new URL('..', import.meta.url));
    return runSteps(root, [...gates, ...(values.quick ? [] : stackGates), ...reports]);
  });
