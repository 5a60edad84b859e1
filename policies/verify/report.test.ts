import { expect, test } from 'vitest';
import type { Result } from './check.ts';
import { clean, exitCode, line, remedyFor, summary, toJson, toJunit } from './report.ts';

const check: Result['check'] = {
  id: 'auth-x',
  group: 'auth',
  expected: 'a <b>',
  remedy: 'do it',
  control: 'HDR-2',
  run: () => Promise.reject(new Error('not in this test')),
};
const result = (status: Result['status'], observed = 'seen'): Result => ({
  check,
  status,
  observed,
  milliseconds: 5,
});

test('a check that did not run never gives exit code 0', () => {
  expect(exitCode([result('pass'), result('skipped')])).toBe(0);
  expect(exitCode([result('pass'), result('fail'), result('error')])).toBe(1);
  expect(exitCode([result('pass'), result('error')])).toBe(2);
  expect(exitCode([result('skipped')])).toBe(2);
  expect(exitCode([])).toBe(2);
});

test('prints a failure with id, expectation, observation and remedy', () => {
  expect(line(result('fail'))).toMatch(/FAIL auth-x\n.*a <b>\n.*seen\n.*do it \(ASVS 3\.4\.1, RFC 6797\)/);
  expect(line(result('pass'))).toBe('ok   auth-x: seen');
  expect(summary([result('pass'), result('skipped')], 1_500)).toBe(
    '1 passed, 0 failed, 0 could not be checked, 1 skipped, 1.5 s',
  );
});

test('removes tokens, keys and control characters from every report', () => {
  const token = `eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.${'a'.repeat(86)}`;
  const all = [result('fail', `got ${token} and ${'r'.repeat(43)}\u001b[31m`)];
  for (const text of [line(all[0] as Result), toJson('https://x:1', all), toJunit(all)]) {
    expect(text).not.toMatch(/eyJ|r{43}/);
    expect(text).not.toContain('\u001b');
    expect(text).toContain('[token]');
  }
  expect(clean('x'.repeat(30).concat(' ').repeat(40)).length).toBe(500);
});

test('writes JUnit with counts and escaped text', () => {
  const xml = toJunit([result('pass'), result('fail', '<&>'), result('error'), result('skipped')]);
  expect(xml).toContain('tests="4" failures="1" errors="1" skipped="1"');
  expect(xml).toContain('message="&#60;&#38;&#62;"');
});

test.each([
  ['ENOTFOUND', 'its name has no address here'],
  ['EAI_AGAIN', 'its name has no address here'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is not of that authority'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is not of that authority'],
  ['ECONNREFUSED', 'is it running'],
  [undefined, 'is it running'],
])('names the remedy for a target that cannot be reached: %s', (code, expected) => {
  expect(remedyFor(code)).toContain(expected);
});
