import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { gates, stackGates } from './ci-local.ts';

test('the workflow runs the same gates in the same order', () => {
  const file = new URL('../.github/workflows/pull-request.yml', import.meta.url);
  const { jobs } = parse(readFileSync(file, 'utf8')) as {
    jobs: Record<string, { steps: { run?: string }[] }>;
  };
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
