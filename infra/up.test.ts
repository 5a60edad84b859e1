import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { goodCluster, tool } from '../test/support/programs.ts';
import { spawnSync } from './programs/child-process.ts';
import { writeStackSettings } from './settings/index.ts';

// Stand-ins for kubectl and Pulumi on the PATH, and for the policies: what is tested is the order and how it ends.
const root = fileURLToPath(new URL('..', import.meta.url));
const stack = `dev-trial-${process.pid}`;
const stackFile = join(root, `Pulumi.${stack}.yaml`);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'up-'));
  tool(folder, 'kubectl', goodCluster);
  tool(folder, 'pulumi', '');
  writeFileSync(
    join(folder, 'policies.mjs'),
    "if (process.argv.includes('policies')) process.exit(Number(process.env.POLICIES));",
  );
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(stackFile, { force: true });
});

function up(args: readonly string[], policies = 0) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['cli/main.ts', 'env', 'up', ...args], {
    cwd: root,
    env: {
      PATH: folder,
      POLICIES: String(policies),
      NODE_OPTIONS: `--import=${pathToFileURL(join(folder, 'policies.mjs')).href}`,
    },
    encoding: 'utf8',
  });
  return { status, said: `${stdout}${stderr}` };
}
const calls = (program: string) =>
  readFileSync(join(folder, 'calls'), 'utf8')
    .trim()
    .split('\n')
    .filter((call) => call.startsWith(`${program} `));

vi.setConfig({ testTimeout: 60_000 });

test('previews and brings up, and names the cluster where nobody is asked', () => {
  const { status, said } = up(['dev', '--yes']);
  expect(said).toContain('Stack dev is dev on here (https://192.0.2.1:6443)');
  expect(status).toBe(0);
  expect(calls('pulumi').map((call) => call.split(' ')[1])).toEqual(['preview', 'up']);
});

test('takes back what was changed by hand only when it is told to', () => {
  tool(folder, 'pulumi', `echo "$* force=$PULUMI_K8S_ENABLE_PATCH_FORCE"`);
  expect(up(['dev', '--yes']).said).not.toMatch(/--refresh|force=true/);
  const { said } = up(['dev', '--yes', '--refresh']);
  expect(said).toMatch(/preview .*--refresh force=true/);
  expect(said).toMatch(/up --yes .*--refresh force=true/);
});

test.each([1, 2, 78])('ends with %i as the policies do, and asks nobody', (code) => {
  const { status, said } = up(['dev', '--yes'], code);
  expect([status, said]).toEqual([code, `The policies end with exit code ${code}; nothing was changed.\n`]);
});

test('a stack with a file of its own is judged by it', () => {
  writeStackSettings(stackFile, 'dev', { 'cluster.context': 'there', 'storage.className': 'fast' });
  expect(up(['dev', '--stack', stack, '--yes']).status).toBe(0);
  expect(calls('kubectl').join('\n')).toMatch(/storageclass fast .*--context=there/);
  expect(calls('kubectl').filter((call) => !call.endsWith('--context=there'))).toEqual([]);
  writeStackSettings(stackFile, 'dev', { 'app.replicas': 0 });
  expect(up(['dev', '--stack', stack, '--yes']).status).toBe(78);
  expect(up(['local', '--stack', 'dev', '--yes'])).toEqual({
    status: 2,
    said: 'simple378 env up: Pulumi.dev.yaml has the environment dev, not local\n',
  });
});

test('needs --yes without a terminal, and fails when Pulumi does', () => {
  expect(up(['dev'])).toMatchObject({ status: 2, said: expect.stringContaining('add --yes to confirm') });
  tool(folder, 'pulumi', 'exit 255');
  expect(up(['dev', '--yes']).status).toBe(1);
});
