import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { missingPackages } from '../setup.js';
import {
  containerFinding,
  diskFinding,
  k6Finding,
  nodeFinding,
  packagesFinding,
  portsFinding,
  serverFindings,
  toolFindings,
} from './checks.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const path = process.env.PATH;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-'));
});
afterEach(() => {
  process.env.PATH = path;
  rmSync(folder, { recursive: true });
});

/** A program on PATH that answers so. */
function stub(name: string, script: string) {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
  process.env.PATH = folder;
}

test('a container engine must answer, not only be installed', () => {
  stub('podman', '[ "$1" = --version ]');
  expect(containerFinding()).toMatchObject({ state: 'note', remedy: expect.stringContaining('start it') });
  stub('podman', 'exit 0');
  expect(containerFinding()).toMatchObject({ state: 'ok', detail: 'podman answers' });
});

test('k6 must be as recent as the load tests want it, or come as an image', () => {
  stub('k6', 'echo "k6 v0.57.0 (go1.23.6, linux/amd64)"');
  expect(k6Finding('/repo').state).toBe('note');
  stub('docker', 'exit 0');
  expect(k6Finding('/repo')).toMatchObject({ state: 'ok', detail: expect.stringContaining('by docker') });
  stub('k6', 'echo "k6 v2.2.0 (go1.26, linux/amd64)"');
  expect(k6Finding('/repo')).toMatchObject({ state: 'ok', detail: 'k6 v2.2.0' });
});

test('the doctor answers where no package could be installed', () => {
  for (const name of ['app', 'infra', 'loadtests', 'cli', 'contract', 'slo', 'limiter'])
    cpSync(join(root, name), join(folder, name), {
      recursive: true,
      filter: (from) => !from.includes('node_modules'),
    });
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(root, name), join(folder, name));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['cli/simple378.js', 'doctor'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect([status, stderr, stdout]).toEqual([1, '', expect.stringMatching(/^MISS packages .*\n.*setup\.js/m)]);
});

test('a package that only a workspace has and that is missing is named', () => {
  const packages = {
    '': {},
    app: {},
    'node_modules/a': {},
    'node_modules/b': { optional: true },
    'app/node_modules/c': {},
  };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
  mkdirSync(join(folder, 'node_modules/a'), { recursive: true });
  writeFileSync(join(folder, 'node_modules/a/package.json'), '{}');
  expect(packagesFinding(missingPackages(folder))).toMatchObject({
    state: 'missing',
    detail: 'missing (1): app/node_modules/c',
  });
  mkdirSync(join(folder, 'app/node_modules/c'), { recursive: true });
  writeFileSync(join(folder, 'app/node_modules/c/package.json'), '{}');
  expect(packagesFinding(missingPackages(folder)).state).toBe('ok');
});

test('Node.js that runs TypeScript is ok, an older one is missing', () => {
  expect(nodeFinding('v24.18.1').state).toBe('ok');
  expect(nodeFinding('v22.18.0').state).toBe('ok');
  expect(nodeFinding('v22.17.1').state).toBe('missing');
  expect(nodeFinding('v20.20.2').state).toBe('missing');
});

test('a full disk is named with its remedy', () => {
  expect(diskFinding('/', 1e9)).toMatchObject({ state: 'missing', remedy: expect.stringContaining('2 GiB') });
  expect(diskFinding('/', 1e11).state).toBe('ok');
});

test('a busy port is found', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await portsFinding([port])).toMatchObject({ state: 'note', detail: `in use: ${port}` });
  await new Promise((resolve) => server.close(resolve));
  expect((await portsFinding([port])).state).toBe('ok');
});

test('every line that is not ok has a remedy', () => {
  const findings = [...serverFindings({ PATH: '', XDG_CACHE_HOME: '/nowhere' }), ...toolFindings()];
  for (const { state, remedy } of findings) expect(state === 'ok' || remedy !== undefined).toBe(true);
});

test('a server of the stack is found on PATH, and else what is lost without it is said', () => {
  expect(serverFindings().find(({ name }) => name === 'redis')).toMatchObject({
    state: 'ok',
    detail: expect.stringMatching(/^\d+\.\d+.*, /),
  });
  const none = serverFindings({ PATH: '', XDG_CACHE_HOME: '/nowhere' });
  expect(none.find(({ name }) => name === 'alertmanager')?.detail).toContain('alerts fire and reach nobody');
});
