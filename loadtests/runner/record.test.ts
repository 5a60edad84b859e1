import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Reading } from './counters.ts';
import { keepRun, type LoadTestRun, runOf } from './record.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'record-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const reading = (denied: number): Reading => ({ denied: { default: denied }, local: 0, started: 1 });
const summary = {
  metrics: { http_reqs: { values: { count: 561 } }, rate_limited: { values: { count: 58 } } },
};

test('a run is what k6 sent and saw, and what the replicas counted', () => {
  const run = runOf('burst', summary, [reading(2), reading(0)], [reading(50), reading(10)], 'k6 v1.1.0');
  expect(run).toMatchObject({ requests: 561, seen429: 58, counted429: 58, k6: '1.1.0', replicas: 2 });
  expect(run.date).toMatch(/^\d{4}-\d\d-\d\d$/);
});

test('the newest run of a script takes the place of the last one, with its note; others stay', () => {
  const file = join(folder, 'loadtest.json');
  const run = (script: string, requests: number): LoadTestRun => ({
    ...runOf(script, summary, [], [], 'k6 v1.1.0'),
    requests,
  });
  keepRun(file, { ...run('limits', 1), note: 'all seven policies' });
  keepRun(file, run('burst', 2));
  keepRun(file, run('limits', 3));
  const kept = JSON.parse(readFileSync(file, 'utf8')) as LoadTestRun[];
  expect(kept.map(({ script, requests, note }) => [script, requests, note])).toEqual([
    ['limits', 3, 'all seven policies'],
    ['burst', 2, undefined],
  ]);
});
