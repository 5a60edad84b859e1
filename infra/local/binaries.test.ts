import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { imageCatalogue } from '../settings/images.ts';
import { howToGet, resolve } from './binaries.ts';
import { unpackDebian } from './debian.ts';

// Stand-ins on a PATH of the test's own: what they were asked for is in `calls`, and nothing here reaches the host.
let folder: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'binaries test-'));
  said = [];
  mkdirSync(join(folder, 'bin'));
  for (const tool of ['mkdir', 'cat', 'chmod']) symlinkSync(`/bin/${tool}`, join(folder, 'bin', tool));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function stub(name: string, body: string, where = 'bin'): void {
  mkdirSync(join(folder, where), { recursive: true });
  const path = join(folder, where, name);
  writeFileSync(path, `#!/bin/sh\necho "${name} $*" >>"${folder}/calls"\n${body}\n`);
  chmodSync(path, 0o755);
}
const server = (version: string) => `echo "Redis server v=${version} sha=00000000:0"`;
const calls = () => readFileSync(join(folder, 'calls'), 'utf8');
const options = (install = true) => ({
  environment: { PATH: join(folder, 'bin'), HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') },
  install,
  say: (text: string) => said.push(text),
});

/** `apt-get download` puts an archive into the current folder; `dpkg -x` makes a server of it. */
function stubDebian(): void {
  stub('apt-get', `case "$*" in *update*) : >"${folder}/updated";; *download*) : >redis-server.deb;; esac`);
  stub('apt-cache', 'echo redis-server; echo "  Depends: libjemalloc2"; echo libc6; echo libjemalloc2');
  stub(
    'dpkg',
    `mkdir -p "$3/usr/bin" "$3/usr/lib/x86_64-linux-gnu"
     printf '#!/bin/sh\\necho "v=7.0.15 $LD_LIBRARY_PATH"\\n' >"$3/usr/bin/redis-server"
     chmod 755 "$3/usr/bin/redis-server"`,
  );
}

test('takes what is on PATH, valkey too, and nothing is said', async () => {
  stub('valkey-server', server('8.1.0'));
  expect(await resolve('redis', options())).toEqual({
    command: [join(folder, 'bin', 'valkey-server')],
    env: {},
    source: 'on PATH',
    version: '8.1.0',
  });
  expect(said).toEqual([]);
});

test.each(['6.2.14', '6.99'])('passes over version %s, which is too old', async (version) => {
  stub('redis-server', server(version));
  expect(await resolve('redis', options(false))).toBeUndefined();
});

test('--no-install stops at PATH, whatever else is there', async () => {
  stubDebian();
  stub('brew', 'exit 0');
  stub('docker', 'exit 0');
  expect(await resolve('redis', options(false))).toBeUndefined();
  expect(() => calls()).toThrow(/ENOENT/);
});

test('unpacks the Debian package and its libraries into the cache, once, without those of the host', async () => {
  stubDebian();
  const found = await resolve('redis', options());
  const unpacked = join(folder, 'cache', 'simple378', 'debian', 'redis-server');
  expect(found).toEqual({
    command: [join(unpacked, 'usr/bin/redis-server')],
    env: { LD_LIBRARY_PATH: join(unpacked, 'usr/lib/x86_64-linux-gnu') },
    source: 'Debian package in the cache',
    version: '7.0.15',
  });
  expect(calls()).toMatch(/download redis-server libjemalloc2\n/);
  const before = calls();
  expect(await resolve('redis', options())).toEqual(found);
  expect(calls()).toBe(before);
  expect(said).toHaveLength(1);
});

test('what could not be unpacked leaves nothing that looks unpacked, and says why', async () => {
  stubDebian();
  stub('apt-get', 'case "$*" in *download*) echo "E: no such package" >&2; exit 100;; esac');
  expect(await unpackDebian({ debian: 'redis-server' }, options())).toBeUndefined();
  expect(said.at(-1)).toBe('that did not work: E: no such package');
  stubDebian();
  expect(await unpackDebian({ debian: 'redis-server' }, options())).toBeDefined();
});

test('does not unpack what runs only installed', async () => {
  stubDebian();
  const needs = { debian: 'redis-server', debianFile: join(folder, 'default.tmpl') };
  expect(await unpackDebian(needs, options())).toBeUndefined();
  writeFileSync(needs.debianFile, '');
  expect(await unpackDebian(needs, options())).toBeDefined();
});

test('installs by Homebrew where there is no apt', async () => {
  stub('redis-server', server('7.2.4'), 'keg/bin');
  stub('brew', `case "$1" in --prefix) echo "${folder}/keg";; esac`);
  expect(await resolve('redis', options())).toMatchObject({
    command: [join(folder, 'keg/bin/redis-server')],
    source: 'installed by Homebrew',
  });
  expect(calls()).toContain('brew install --quiet redis\n');
});

test('runs the pinned image where an engine answers, and passes over one that does not', async () => {
  stub('docker', 'exit 1');
  stub('podman', 'exit 0');
  const found = await resolve('redis', options());
  expect(found?.command.slice(0, 3)).toEqual(['podman', 'run', '--rm']);
  expect(found?.command.slice(-2)).toEqual(['redis-server', imageCatalogue.redis]);
  expect(found?.source).toBe('image, by podman');
  expect(imageCatalogue.redis).toContain(`:${found?.version}@`);
  // It is there already.
  expect(said).toEqual([]);
  // A client that is killed leaves its container behind: what clears it names the one that is run.
  const name = found?.command[found.command.indexOf('--name') + 1] ?? '';
  expect(name).toMatch(/^simple378-[0-9a-f]{8}-redis$/);
  expect(found?.clear).toEqual(['podman', 'rm', '--force', name]);
  // Podman asks it to end first, and waits as long as it was told at its start.
  expect(found?.command.join(' ')).toContain(' --stop-timeout 0 ');
});

test('pulls an image that is not there, and says so', async () => {
  stub('docker', 'case "$1" in image) exit 1;; esac');
  expect((await resolve('prometheus', options()))?.source).toBe('image, by docker');
  expect(calls()).toContain(`docker pull --quiet ${imageCatalogue.prometheus}\n`);
  expect(said).toEqual([expect.stringMatching(/^pulling quay\.io\/prometheus\/prometheus:\S+ with docker/)]);
});

test('pulls no image where none will do', async () => {
  stub('docker', 'exit 0');
  expect(await resolve('redis', { ...options(), images: false })).toBeUndefined();
  expect(() => calls()).toThrow(/ENOENT/);
});

test('an image that cannot be pulled is a server that is not to be had, and not a stack that fails', async () => {
  stub('docker', 'case "$1" in image) exit 1;; pull) echo "no such host" >&2; exit 1;; esac');
  expect(await resolve('grafana', options())).toBeUndefined();
  expect(said.at(-1)).toBe('that did not work: no such host');
});

test('with nothing at all there is one message that names the command', async () => {
  expect(await resolve('redis', options())).toBeUndefined();
  expect(howToGet('redis')).toBe(
    'sudo apt-get install redis-server, or brew install redis, or start Docker or Podman',
  );
});
