import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import type { Reading } from './counters.ts';
import { verdict } from './verdict.ts';

const folder = mkdtempSync(join(tmpdir(), 'verdict-'));
afterAll(() => rmSync(folder, { recursive: true }));
const summary = join(folder, 'limits.json');
const reading = (denied: number, local = 0, started = 1): Reading => ({
  denied: { default: denied },
  local,
  started,
});

test.each([
  ['equal counts and k6 content', 0, 29, [reading(1)], [reading(30)], false, 0],
  ['a threshold that did not hold', 99, 29, [reading(1)], [reading(30)], false, 1],
  ['one denial that k6 did not see', 0, 29, [reading(1)], [reading(31)], false, 1],
  ['a replica that began again', 0, 29, [reading(1)], [reading(29, 0, 2)], false, 1],
  ['no counters in reach', 0, 29, [], [], false, 0],
  ['a k6 that failed', 107, 29, [reading(1)], [reading(30)], false, 2],
  ['shared: denials of others beside those that k6 saw', 0, 29, [reading(1)], [reading(31)], true, 0],
  ['shared: no others', 0, 29, [reading(1)], [reading(30)], true, 0],
  ['shared: one 429 that the service did not count', 0, 29, [reading(1)], [reading(29)], true, 1],
  ['shared: a replica that began again', 0, 29, [reading(1)], [reading(31, 0, 2)], true, 1],
  ['shared: a threshold that did not hold', 99, 29, [reading(1)], [reading(31)], true, 1],
] as const)('%s', (_, status, seen, before, after, shared, expected) => {
  writeFileSync(summary, JSON.stringify({ metrics: { rate_limited: { values: { count: seen } } } }));
  expect(said(() => verdict(status, summary, before, after, shared)).code).toBe(expected);
});

test('names the reports that there are', () => {
  writeFileSync(join(folder, 'limits.xml'), '');
  expect(said(() => verdict(0, summary, [], [], false)).text).toContain(
    `reports: ${folder}/limits.{json,xml}`,
  );
});

test('a run without a summary proves nothing, and local decisions are told', () => {
  expect(said(() => verdict(0, join(folder, 'none.json'), [], [], false)).code).toBe(2);
  expect(said(() => verdict(0, summary, [reading(1)], [reading(30, 3)], false)).text).toContain(
    'note 3 decisions were local',
  );
});

function said(run: () => number): { code: number; text: string } {
  const lines: string[] = [];
  const spies = [vi.spyOn(console, 'log'), vi.spyOn(console, 'error')];
  for (const spy of spies) spy.mockImplementation((line) => void lines.push(String(line)));
  try {
    return { code: run(), text: lines.join('\n') };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
