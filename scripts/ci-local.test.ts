import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { gates, stackGates } from './ci-local.ts';

interface Workflow {
  readonly jobs: Record<string, { steps?: { run?: string }[] }>;
}
const folder = new URL('../.github/workflows/', import.meta.url);
const workflow = (file: string) => parse(readFileSync(new URL(file, folder), 'utf8')) as Workflow;

test('the workflow runs the same gates in the same order', () => {
  const { jobs } = workflow('pull-request.yml');
  const commands = (job: string) =>
    (jobs[job]?.steps ?? [])
      .map(({ run }) => run)
      .filter((run): run is string => run?.startsWith('npm ') === true && run !== 'npm run ci:tools');
  const typed = gates.concat(stackGates).map(({ script, args }) => {
    const npm = script === 'test' || script === 'start' ? `npm ${script}` : `npm run ${script}`;
    return args === undefined ? npm : `${npm} -- ${args.join(' ')}`;
  });
  expect([...commands('gates'), ...commands('stack')]).toEqual(typed);
});

test.each(readdirSync(folder))(
  'the jobs of %s run nothing here before the packages are installed',
  (file) => {
    const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const [job, { steps = [] }] of Object.entries(workflow(file).jobs)) {
      const names = steps.flatMap(({ run }) => /^npm (?:run )?(\S+)/.exec(run ?? '')?.[1] ?? []);
      // A shell script needs no package.
      const first = names.find((name) => !scripts[name]?.startsWith('sh '));
      const installs = first === undefined || first === 'setup' || scripts[`pre${first}`] === scripts.setup;
      expect(installs, `${job}: npm run ${first}`).toBe(true);
    }
  },
);
