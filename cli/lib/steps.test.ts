import { expect, test } from 'vitest';
import { exitCode, outcomeOf, type Result, table } from './steps.ts';

const result = (outcome: Result['outcome']): Result => ({ name: 'x', outcome, seconds: 1.23 });

test('exit codes are read by the convention', () => {
  expect(outcomeOf(0, {})).toBe('holds');
  expect(outcomeOf(1, { optional: true })).toBe('fails');
  expect(outcomeOf(2, {})).toBe('could not check');
  expect(outcomeOf(2, { optional: true })).toBe('skipped');
  expect(outcomeOf(78, {})).toBe('fails');
  expect(outcomeOf(null, {})).toBe('fails');
});

test('a failure outweighs what could not be checked, and a skip is counted and said', () => {
  expect(exitCode([result('holds'), result('skipped')])).toBe(0);
  expect(exitCode([result('could not check'), result('fails')])).toBe(1);
  expect(exitCode([result('could not check')])).toBe(2);
  expect(table([result('skipped')])).toContain('1 skipped');
  expect(table([result('holds')])).not.toContain('skipped');
});
