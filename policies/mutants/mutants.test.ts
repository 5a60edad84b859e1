import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluate } from '../../infra/evaluate.ts';
import { compliantStack } from '../fixtures/stack.ts';
import { checks } from '../verify/checks/index.ts';
import { controlsWithout, main } from './main.ts';
import { manifestMutants } from './manifests.ts';
import { runningMutants } from './runner.ts';
import { brokenRunning } from './running.ts';
import { patches, patchMutants } from './source.ts';
import type { Mutant } from './types.ts';
import { type RunningVictim, startVictim } from './victim.ts';

// All of them, with the service, take minutes: `npx simple378 verify security-mutants`. Here are the static ones and a few of the rest.

let still: readonly Mutant[];
let victim: RunningVictim;
beforeAll(async () => {
  still = manifestMutants((await evaluate('prod', { preview: true })).resources, compliantStack());
  victim = await startVictim();
});
afterAll(() => victim.stop());

test('every proven control is broken at least once, in 60 ways or more', () => {
  const all = [...still, ...runningMutants(victim), ...patchMutants()];
  expect(all.length).toBeGreaterThanOrEqual(60);
  expect(Object.keys(brokenRunning).length + Object.keys(patches).length).toBeGreaterThanOrEqual(30);
  expect(controlsWithout(all)).toEqual([]);
  expect(controlsWithout([])).toContain('HDR-1');
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});

test('every static mutant is killed', async () => {
  const survivors: string[] = [];
  for (const mutant of still) if ((await mutant.kill()) === null) survivors.push(mutant.name);
  expect(survivors).toEqual([]);
});

test('what breaks a running service names a live check that exists', () => {
  const known = checks.map(({ id }) => id);
  for (const { check } of Object.values(brokenRunning)) expect(known).toContain(check);
});

// Those of the limiter use up a minute's quota each, those of the headers are much alike: a few of each will do.
const left =
  /^service: (no (x-|content|referrer|cross|permissions|cache|headers on 4(01|13|04))|CSP|HSTS of|quota|no Retry|forwarded|login not)/;

test('the running service is found out, whatever is broken in it', async () => {
  const mutants = runningMutants(victim).filter(({ name }) => !left.test(name));
  expect(mutants.length).toBeGreaterThan(45);
  const survivors: string[] = [];
  const worker = async (): Promise<void> => {
    for (let mutant = mutants.pop(); mutant; mutant = mutants.pop())
      if ((await mutant.kill()) === null) survivors.push(mutant.name);
  };
  await Promise.all([worker(), worker(), worker()]);
  expect(survivors).toEqual([]);
}, 120_000);

test.each(Object.entries(patches))(
  '%s: the source still has the line that it breaks',
  (_name, { file, from }) => {
    const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    expect(source.replace(from, '')).not.toBe(source);
  },
);

test('a line broken in the source is found out', async () => {
  const mutant = patchMutants().find(({ name }) => name === 'source: raw errors without headers');
  expect(await mutant?.kill()).toMatch(/^headers-bad-framing: /);
});

test('the command: kills by name, lists, and says when it is used wrongly', async () => {
  const run = async (...argv: string[]): Promise<[number, string]> => {
    const lines: string[] = [];
    const code = await main(argv, (line) => lines.push(line));
    return [code, lines.join('\n')];
  };
  expect(await run('--only', 'program: plain Redis')).toEqual([
    0,
    expect.stringContaining('1/1 mutants killed (100.0 %)'),
  ]);
  expect(await run('--only', 'ACC-2', '--list')).toEqual([0, expect.stringContaining('owner not checked')]);
  expect(await run('--only', 'no such mutant')).toEqual([2, expect.stringContaining('no mutant is named')]);
  expect(await run('--nothing')).toEqual([2, expect.stringContaining('Unknown option')]);
  expect(await run('--help')).toEqual([0, expect.stringContaining('exit code')]);
});
