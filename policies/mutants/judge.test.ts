import { expect, test } from 'vitest';
import { compliantStack } from '../fixtures/stack.ts';
import { dropHeader, editBody, setHeader, setStatus } from './answers.ts';
import { judge } from './main.ts';
import { manifestMutants } from './manifests.ts';
import { brokenRunning } from './running.ts';

const tokens = { reader: 'r', caseworker: 'c', admin: 'a' };

test.each([
  [
    'is found out',
    () => Promise.resolve('headers-ok: absent'),
    'headers-ok: absent',
    /^killed {3}HDR-1 a ← headers-ok/,
  ],
  ['nobody notices', () => Promise.resolve(null), null, /^SURVIVED HDR-1 a$/],
  [
    'cannot be tried',
    () => Promise.reject(new Error('no Redis')),
    null,
    /^ERROR {4}a: no Redis\nSURVIVED HDR-1 a$/,
  ],
])('a mutant that %s', async (_what, kill, killedBy, says) => {
  const lines: string[] = [];
  const mutant = { name: 'a', control: 'HDR-1', kill };
  expect(await judge(mutant, (line) => lines.push(line))).toEqual({ mutant, killedBy });
  expect(lines.join('\n')).toMatch(says);
});

test('a program without what a mutant breaks is an error, not a kill', async () => {
  const program = manifestMutants([], compliantStack()).filter(({ name }) => name.startsWith('program: '));
  const lines: string[] = [];
  for (const mutant of program) expect((await judge(mutant, (line) => lines.push(line))).killedBy).toBeNull();
  const errors = lines.filter((line) => line.startsWith('ERROR'));
  expect(errors.length).toBeGreaterThan(10);
  for (const line of errors)
    expect(line).toMatch(/: the program has (no \w+ |nothing of that kind to break)/);
});

test('sabotage leaves alone what is not meant', () => {
  const text = 'HTTP/1.1 200 OK\r\nx-a: 1\r\ncontent-length: 2\r\n\r\n{}';
  expect(dropHeader('x-a').answer?.(text, '')).toBe(text.replace('x-a: 1\r\n', ''));
  expect(setHeader('x-a', '2').answer?.(text, '')).toContain('content-length: 2\r\nx-a: 2\r\n\r\n{}');
  expect(editBody(() => '{"a":1}').answer?.(text, '')).toMatch(/content-length: 7\r\n\r\n\{"a":1\}$/);
  for (const { answer } of [
    dropHeader('x-a', 404),
    setHeader('x-a', '2', 404),
    editBody(() => '', 404),
    setStatus(404, 200),
  ])
    expect(answer?.(text, '')).toBe(text);
  // Cut off within its head: nothing to change yet.
  expect(dropHeader('x-a').answer?.('HTTP/1.1 200 OK\r\nx-a: 1', '')).toBe('HTTP/1.1 200 OK\r\nx-a: 1');
});

test('the quota that lets one more in does so once', () => {
  const { answer } = brokenRunning['quota and one more']?.sabotage({ tokens }) ?? {};
  const denied = 'HTTP/1.1 429 Too Many Requests\r\n\r\n';
  expect(answer?.('HTTP/1.1 200 OK\r\n\r\n', '')).toBe('HTTP/1.1 200 OK\r\n\r\n');
  expect(answer?.(denied, '')).toMatch(/^HTTP\/1\.1 200/);
  expect(answer?.(denied, '')).toBe(denied);
});
