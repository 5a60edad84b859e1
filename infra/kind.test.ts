import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { goodCluster, tool as toolIn } from '../test/support/programs.ts';
import { spawnSync } from './programs/child-process.ts';

// Stand-ins for the four tools, which keep clusters and stacks as files: what is tested is the order and the state between runs.
const root = fileURLToPath(new URL('..', import.meta.url));
const name = `trial-${process.pid}`;
const stack = `local-kind-${name}`;
const settings = join(root, `Pulumi.${stack}.yaml`);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kind-'));
  tool('kubectl', goodCluster);
  tool('docker', `case "$1 $2" in "image inspect") echo sha256:$(/bin/cat "${folder}/content");; esac`);
  tool(
    'kind',
    `case "$1 $2" in
       "get clusters") [ ! -e "${folder}/cluster" ] || echo ${name};;
       "create cluster") : >"${folder}/cluster";;
       "delete cluster") /bin/rm -f "${folder}/cluster";;
     esac`,
  );
  tool(
    'pulumi',
    `case "$1 $2" in
       "stack ls") [ -e "${folder}/stack" ] && echo '[{"name":"me/${stack}"}]' || echo '[]';;
       "stack init") : >"${folder}/stack"; echo "encryptionsalt: v1" >>"${settings}";;
       "stack rm") /bin/rm -f "${folder}/stack" "${settings}";;
     esac`,
  );
  content('a');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  rmSync(settings, { force: true });
});

const tool = (program: string, script: string) => toolIn(folder, program, script);
const content = (letter: string) => writeFileSync(join(folder, 'content'), letter.repeat(64));

/** Runs the command: how it ended, and which steps it took. */
function kind(...args: string[]): { status: number | null; calls: string[]; said: string } {
  rmSync(join(folder, 'calls'), { force: true });
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['cli/main.ts', 'env', 'kind', '--name', name, '--yes', ...args],
    { cwd: root, env: { PATH: folder }, encoding: 'utf8' },
  );
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
  return { status, calls, said: `${stdout}${stderr}` };
}
const app = () =>
  parse(readFileSync(settings, 'utf8')) as { config: Record<string, { image: string; context: string }> };
const steps = (calls: readonly string[]) =>
  calls
    .filter((call) => /^(kind|docker|pulumi) (create|delete|load|tag|up|stack (init|rm))/.test(call))
    .map((call) => call.split(' ').slice(0, 3).join(' '));

test('makes cluster and stack, brings a changed image in, and keeps both until they are deleted', () => {
  const first = kind();
  expect(first.said).toContain('The API is at https://simple378.localhost:8443;');
  expect(first.status).toBe(0);
  expect(steps(first.calls)).toEqual([
    'pulumi stack init',
    'kind create cluster',
    'docker tag localhost/simple378/case-service:dev',
    'kind load docker-image',
    'pulumi up --yes',
  ]);
  const image = 'localhost/simple378/case-service';
  expect(first.calls).toContain(
    `kind load docker-image ${image}:${'a'.repeat(12)} ${image}:dev --name ${name}`,
  );
  expect(first.said).toContain(`pulumi stack output users --show-secrets --stack ${stack}`);
  expect(app().config['simple378:app']?.image).toBe(`${image}:${'a'.repeat(12)}`);
  expect(app().config['simple378:cluster']?.context).toBe(`kind-${name}`);

  content('b');
  const second = kind();
  expect(steps(second.calls)).toEqual([
    'docker tag localhost/simple378/case-service:dev',
    'kind load docker-image',
    'pulumi up --yes',
  ]);
  expect(app()).toMatchObject({
    encryptionsalt: 'v1',
    config: { 'simple378:app': { image: `localhost/simple378/case-service:${'b'.repeat(12)}` } },
  });

  const gone = kind('--delete');
  expect(steps(gone.calls)).toEqual(['kind delete cluster', 'pulumi stack rm']);
  expect(existsSync(settings)).toBe(false);
}, 180_000);

test('forgets the stack of a cluster that went some other way', () => {
  writeFileSync(join(folder, 'stack'), '');
  tool('docker', '[ "$1" != build ]');
  const { status, calls, said } = kind();
  expect(steps(calls)).toEqual(['pulumi stack rm', 'pulumi stack init', 'kind create cluster']);
  expect([status, said]).toEqual([
    1,
    expect.stringContaining('simple378 env kind: docker build ended with 1'),
  ]);
});

test('takes no failure for an answer: the stack and settings of a cluster that runs are kept', () => {
  writeFileSync(join(folder, 'stack'), '');
  writeFileSync(settings, '');
  tool('kind', '[ "$1" != get ] || { echo "cannot list" >&2; exit 1; }');
  const listed = kind();
  expect([listed.status, listed.said]).toEqual([
    1,
    'simple378 env kind: kind get clusters ended with 1: cannot list\n',
  ]);
  expect(steps(listed.calls)).toEqual([]);
  tool('kind', '');
  tool('pulumi', '[ "$2" != ls ] || { echo "no backend" >&2; exit 255; }');
  const gone = kind('--delete');
  expect([gone.status, gone.said]).toEqual([1, expect.stringContaining('stack ls --json ended with 255')]);
  expect(existsSync(settings)).toBe(true);
});

test('ends as npm run up does', () => {
  tool('kubectl', 'case "$*" in *readyz*) echo "connection refused" >&2; exit 1;; esac');
  const { status, said } = kind();
  expect([status, said]).toEqual([2, expect.stringContaining('no cluster answers: connection refused')]);
}, 180_000);

test('says which tool is missing, or not running, before anything is done', () => {
  rmSync(join(folder, 'kubectl'));
  const { status, calls, said } = kind();
  expect([status, said.trim()]).toEqual([
    2,
    'simple378 env kind: kubectl is not installed: https://kubernetes.io/docs/tasks/tools/',
  ]);
  expect(steps(calls)).toEqual([]);
  tool('docker', 'exit 1');
  expect(kind().said).toContain('"docker info" fails: is it running');
});
