import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { kubectlFor, limitSeconds } from './kubectl.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubectl-'));
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test('one that ends before it has read all it is given is an error with what it said', async () => {
  writeFileSync(join(folder, 'kubectl'), '#!/bin/sh\necho "pods is forbidden" >&2\nexit 1\n', {
    mode: 0o755,
  });
  // More than a pipe holds.
  const manifest = 'x'.repeat(1_000_000);
  await expect(kubectlFor('ns').run(['apply', '-f', '-'], manifest)).rejects.toThrow(
    'kubectl --namespace ns apply -f -: pods is forbidden',
  );
});

test.each([
  [['get', 'pods'], 120],
  [['wait', '--for=condition=Ready', 'pod/a', '--timeout=300s'], 330],
  [['--namespace', 'ns', 'exec', 'pod', '--', 'sh'], 3_600],
])('none runs for ever: %s', (args, seconds) => {
  expect(limitSeconds(args)).toBe(seconds);
});
