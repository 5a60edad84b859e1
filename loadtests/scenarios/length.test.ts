import { expect, test } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { secondsOf } from './length.ts';
import type { RunFile } from './run-file.ts';

const run = (more: Pick<RunFile, 'script'> & Partial<RunFile>): RunFile => ({
  targets: [],
  accounts: '',
  policies: defaultPolicies,
  addresses: 200,
  reports: '',
  seed: '',
  ...more,
});

test('a run lasts as long as its plan', () => {
  expect(secondsOf(run({ script: 'burst' }))).toBe(8);
  expect(secondsOf(run({ script: 'attack' }))).toBe(75);
  expect(secondsOf(run({ script: 'soak' }))).toBe(1800);
  expect(secondsOf(run({ script: 'soak', seconds: 60 }))).toBe(60);
  expect(secondsOf(run({ script: 'breakpoint' }))).toBe(120);
  expect(secondsOf(run({ script: 'limits' }))).toBeGreaterThan(200);
  // Ten seconds of requests, and the longest wait that Retry-After asks for.
  expect(secondsOf(run({ script: 'limits', only: ['default'] }))).toBe(71);
});
