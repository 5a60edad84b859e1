import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findEngine, k6Image } from './engine.ts';

// Stubs on PATH: a container engine is not to be had everywhere, and a test must not depend on one.
let bin: string;
const path = process.env.PATH;

beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'engine-'));
  process.env.PATH = bin;
});

afterEach(() => {
  process.env.PATH = path;
  rmSync(bin, { recursive: true });
});

function stub(name: string, script: string) {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

test('an installed k6 comes first', () => {
  stub('k6', 'echo "k6 v1.1.0 (go1.24.4, linux/amd64)"');
  stub('docker', 'exit 0');
  expect(findEngine('/repo', null)).toMatchObject({ name: 'k6 v1.1.0', command: 'k6' });
});

test('an old k6 is passed over for the pinned image', () => {
  stub('k6', 'echo "k6 v0.57.0 (go1.23.6, linux/amd64)"');
  stub('docker', 'exit 1');
  stub('podman', 'exit 0');
  const engine = findEngine('/repo', '/elsewhere/ca.crt');
  expect(engine?.command).toBe('podman');
  const args = engine?.prefix({ RUN: '/repo/run.json' }) ?? [];
  expect(args).toContain(k6Image);
  expect(args).toContain('/elsewhere:/elsewhere:ro');
  expect(args).toContain('RUN=/repo/run.json');
});

test('nothing at all is null', () => {
  expect(findEngine('/repo', null)).toBeNull();
});
