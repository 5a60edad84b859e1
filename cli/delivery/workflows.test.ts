import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

interface Job {
  readonly steps?: readonly { readonly run?: string; readonly uses?: string }[];
  readonly concurrency?: { readonly group: string };
}
interface Workflow {
  readonly concurrency?: object;
  readonly jobs: Readonly<Record<string, Job>>;
}
const folder = new URL('../../.github/workflows/', import.meta.url);
const workflow = (file: string) => parse(readFileSync(new URL(file, folder), 'utf8')) as Workflow;
const jobs = readdirSync(folder).flatMap((file) =>
  Object.entries(workflow(file).jobs).map(([name, job]) => ({ ...job, name: `${file}: ${name}` })),
);
const steps = (job: Job) => (job.steps ?? []).map(({ run, uses }) => run ?? uses ?? '');

test('a step is an npm script, but for the comment of a job that checks nothing out', () => {
  const others = jobs.flatMap(({ name, steps = [] }) =>
    steps.flatMap(({ run }) => (run === undefined || run.startsWith('npm ') ? [] : `${name}: ${run}`)),
  );
  expect(others).toEqual([expect.stringMatching(/^pull-request.yml: comment: gh pr comment /)]);
  expect(jobs.flatMap(steps).filter((run) => run.startsWith('npm ') && run.includes('\n'))).toEqual([]);
});

test('whoever changes an environment holds its place alone, and no release holds that of others for a day', () => {
  const changing = jobs.filter((job) => steps(job).some((step) => /release .*--(image|rollback)/.test(step)));
  expect(changing.map(({ name }) => name)).toEqual(['deploy.yml: undo', 'roll-out.yml: roll-out']);
  for (const { name, concurrency } of changing) expect(concurrency?.group, name).toMatch(/^environment-/);
  expect(workflow('deploy.yml').concurrency).toBeUndefined();
});

test('whoever reads or writes a signature has signed in to the registry before', () => {
  const signing = jobs.filter((job) => steps(job).some((step) => /image:(sign|verify)/.test(step)));
  expect(signing).toHaveLength(2);
  for (const job of signing) {
    const at = (pattern: RegExp) => steps(job).findIndex((step) => pattern.test(step));
    expect(at(/^docker\/login-action@/), job.name).toBeGreaterThanOrEqual(0);
    expect(at(/^docker\/login-action@/), job.name).toBeLessThan(at(/image:(sign|verify)/));
  }
});
