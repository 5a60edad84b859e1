import { fileURLToPath } from 'node:url';
import { defaultPolicies } from '../contract/policies.ts';
import { longestWaitSeconds } from '../loadtests/scenarios/admissions.ts';
import { command, noArguments } from './lib/command.ts';
import { stackRuns, withStack } from './lib/stack.ts';
import { runSteps, type Step } from './lib/steps.ts';

const usage = `npm run ci:stack

What needs the stack to run: the security checklist, the documents' commands, load, and a picture of each dashboard.
Uses a stack that runs already, else starts one and stops it.

Exit: 0 all hold, 1 one does not, 2 one could not be checked.`;

const root = fileURLToPath(new URL('..', import.meta.url));
/** Logins of one address are limited too, and the security checklist needs all that there are. */
const longestWait = Math.ceil(Math.max(...defaultPolicies.map(longestWaitSeconds)));

const gates: readonly Step[] = [
  { name: 'the security checklist on what runs', script: 'security-verify' },
  {
    name: 'the commands that the documents show',
    script: 'docs:test',
    args: ['--stack'],
    restSeconds: longestWait,
  },
  { name: 'pictures of the dashboards', script: 'dashboards:preview', optional: true },
];

await command('ci:stack', usage, (args) => {
  noArguments(args);
  const run = () => runSteps(root, gates);
  return stackRuns() ? run() : withStack(root, [], run);
});
