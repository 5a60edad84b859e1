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

// All of them, with the service, take minutes: `npm run mutants:security`. Here are the static ones and a few of the rest.

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

test.each([
  'no x-frame-options',
  'TLS 1.1',
  'plain port redirects',
  'alg none accepted',
  'any signature accepted',
  'tokens of a day',
  'roles not checked',
  'CORS for everybody',
  'two Hosts taken',
  'errors repeat the path',
  'API on the internal side',
])('the running service with %s is found out', async (name) => {
  const mutant = runningMutants(victim).find((one) => one.name === `service: ${name}`);
  expect(await mutant?.kill()).toMatch(/: /);
});

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
