import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import type { RunFile } from '../scenarios/run-file.ts';
import { callOf, runK6, tellProgress } from './k6.ts';

const folder = mkdtempSync(join(tmpdir(), 'k6-'));
afterAll(() => rmSync(folder, { recursive: true }));
const none = new AbortController().signal;
const addresses = { range: null, count: 1 };
const run = (script: RunFile['script']): RunFile => ({
  script,
  targets: [],
  accounts: '',
  policies: defaultPolicies,
  addresses: 1,
  reports: folder,
  seed: '',
});

/** A stub of k6, as a shell script. */
function stub(script: string) {
  const command = join(folder, 'k6');
  writeFileSync(command, `#!/bin/sh\n${script}\n`);
  chmodSync(command, 0o755);
  return { name: 'k6', command, prefix: () => [] };
}

test('the page of plots has points enough for a short run, and not too many for a long one', () => {
  const period = (script: RunFile['script']) =>
    callOf('/repo', run(script), '/run.json', addresses, null).environment['K6_WEB_DASHBOARD_PERIOD'];
  expect(period('burst')).toBe('1s');
  expect(period('attack')).toBe('2s');
  expect(period('soak')).toBe('10s');
});

test('nothing secret is an argument or a variable', () => {
  const { environment } = callOf('/repo', run('burst'), '/run.json', addresses, '/ca.crt');
  expect(Object.keys(environment).sort()).toEqual([
    'K6_NEW_MACHINE_READABLE_SUMMARY',
    'K6_WEB_DASHBOARD',
    'K6_WEB_DASHBOARD_EXPORT',
    'K6_WEB_DASHBOARD_PERIOD',
    'K6_WEB_DASHBOARD_PORT',
    'RUN',
    'SSL_CERT_FILE',
  ]);
});

test('options of k6 in the shell of the user do not reach it', async () => {
  vi.stubEnv('K6_NO_THRESHOLDS', 'true');
  const seen = join(folder, 'environment');
  const call = callOf('/repo', run('burst'), '/run.json', addresses, null);
  expect(await runK6(folder, stub(`env > ${seen}; exit 99`), call, none)).toBe(99);
  vi.unstubAllEnvs();
  const environment = readFileSync(seen, 'utf8');
  expect(environment).not.toContain('K6_NO_THRESHOLDS');
  expect(environment).toContain('K6_NEW_MACHINE_READABLE_SUMMARY=false');
});

test('an interrupted k6 is told, and waited for', async () => {
  const interrupted = new AbortController();
  const ready = join(folder, 'ready');
  const k6 = stub(`trap 'exit 105' INT\necho > ${ready}\nfor n in $(seq 200); do sleep 0.05; done`);
  const ended = runK6(folder, k6, { environment: {}, args: [] }, interrupted.signal);
  await vi.waitFor(() => readFileSync(ready), { timeout: 10_000 });
  interrupted.abort();
  expect(await ended).toBe(105);
});

test('how far a run is, is told now and then until it ends', () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const stop = tellProgress(run('soak'), (line) => lines.push(line));
  vi.advanceTimersByTime(61_000);
  stop();
  vi.advanceTimersByTime(61_000);
  vi.useRealTimers();
  expect(lines).toEqual(['loadtest: soak, 30 s of some 1800 s', 'loadtest: soak, 60 s of some 1800 s']);
});
