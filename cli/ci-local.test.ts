import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { gates, onlyOnGitHub, reports, stackGates } from './ci-local.ts';
import type { Step } from './lib/steps.ts';

interface Workflow {
  readonly jobs: Record<string, { steps?: { run?: string }[] }>;
}
const folder = new URL('../.github/workflows/', import.meta.url);
const workflow = (file: string) => parse(readFileSync(new URL(file, folder), 'utf8')) as Workflow;

test('the workflow runs the same gates in the same order, and nothing else but what is named', () => {
  const { jobs } = workflow('pull-request.yml');
  const others = Object.keys(onlyOnGitHub);
  const commands = Object.values(jobs)
    .flatMap(({ steps = [] }) => steps.flatMap(({ run }) => run ?? []))
    .filter((run) => !others.some((other) => run.startsWith(other)))
    // GitHub knows the commit to compare with; a laptop finds it.
    .map((run) => run.replace(' --base "$BASE"', ''));
  const typed = ({ script, args }: Step) => {
    const npm = script === 'test' || script === 'start' ? `npm ${script}` : `npm run ${script}`;
    return args === undefined ? npm : `${npm} -- ${args.join(' ')}`;
  };
  expect(commands).toEqual([...gates, ...stackGates, ...reports].map(typed));
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
