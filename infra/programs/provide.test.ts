import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { execFileSync } from './child-process.ts';
import { findProgram, pathWithCache, programPath } from './find.ts';
import { provide } from './provide.ts';

// A HOME, a PATH and a package source of the test's own. apt and dpkg are the real ones.
let folder: string;
let reports: string[];
/** A folder with a package source for each version of redis-server. */
let sources: string;
const packageTools = ['apt-get', 'apt-cache', 'dpkg', 'dpkg-deb', 'tar', 'sh', 'cat', 'unshare', 'mount'];
const hasApt = findTool('apt-get') !== undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'programs test-'));
  reports = [];
  mkdirSync(join(folder, 'bin'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const environment = () => ({
  PATH: join(folder, 'bin'),
  XDG_CACHE_HOME: join(folder, 'cache'),
  APT_CONFIG: join(folder, 'apt.conf'),
});
const options = (more: { install?: boolean; refresh?: boolean } = {}) => ({
  environment: environment(),
  install: true,
  say: (text: string) => reports.push(text),
  failed: (text: string) => reports.push(`failed: ${text}`),
  ...more,
});
const redis = async (more?: Parameters<typeof options>[0]) =>
  (await provide(['redis-server'], options(more)))['redis-server'];

function script(file: string, body: string): void {
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}

test('a program on PATH is taken if it is recent enough, also under another name', async () => {
  script(join(folder, 'bin', 'redis-server'), 'echo "Redis server v=6.2.14 sha=0"');
  expect(await redis({ install: false })).toBeUndefined();
  script(join(folder, 'bin', 'valkey-server'), 'echo "Redis server v=8.1.0 sha=0"');
  expect(await redis()).toEqual({
    path: join(folder, 'bin', 'valkey-server'),
    source: 'on PATH',
    version: '8.1.0',
  });
  expect(reports).toEqual([]);
});

test('a missing program is named with the ways to get it', () => {
  expect(() => programPath('kubectl', environment())).toThrow(
    'kubectl is not installed: https://kubernetes.io/docs/tasks/tools/',
  );
  expect(() => programPath('redis-server', environment())).toThrow(
    'redis-server is not installed: sudo apt-get install redis-server, or brew install redis',
  );
  expect(() => programPath('some-tool', environment())).toThrow('infra/programs/catalogue.ts');
  expect(() => execFileSync('kubectl', [], { env: environment() })).toThrow(/not installed/);
});

describe.skipIf(!hasApt)('packages of a Debian source', () => {
  beforeAll(() => {
    sources = mkdtempSync(join(tmpdir(), 'package sources '));
    for (const version of ['7.0.15-1', '7.0.15-1+deb12u1']) createSource(version);
  });
  afterAll(() => rmSync(sources, { recursive: true }));
  beforeEach(() => {
    for (const tool of packageTools) {
      const path = findTool(tool);
      if (path !== undefined) symlinkSync(path, join(folder, 'bin', tool));
    }
    publish('7.0.15-1');
  });

  test('are unpacked once, and run with nothing but PATH', async () => {
    const first = await redis();
    expect(first).toEqual({
      path: join(folder, 'cache/simple378/bin/redis-server'),
      source: 'Debian package 7.0.15-1',
      version: '7.0.15',
    });
    const run = () =>
      execFileSync('sh', ['-c', 'redis-server'], { env: { PATH: pathWithCache(environment()) } });
    // It prints its library path, which its wrapper sets.
    expect(String(run())).toContain('/usr/lib/x-linux-y');
    expect(reports).toEqual([expect.stringMatching(/^unpacking redis-server into .*nothing is installed/)]);
    expect(await redis()).toEqual(first);
    expect(reports).toHaveLength(1);
    expect(await redis({ install: false })).toEqual(first);
    expect(readdirSync(join(folder, 'cache/simple378/bin'))).toEqual(['redis-server']);
    // Neither lists nor archives stay behind.
    expect(
      readdirSync(join(folder, 'cache/simple378/debian')).filter((name) => name.startsWith('.')),
    ).toEqual([]);
  });

  test.each([
    ['a library is gone', (root: string) => rmSync(join(root, 'usr/lib/x-linux-y/libdemo.so'))],
    [
      'the program is cut short',
      (root: string) => writeFileSync(join(root, 'usr/bin/redis-server'), '#!/bin/sh\n'),
    ],
    ['the wrapper is gone', (root: string) => rmSync(join(root, '../../bin/redis-server'))],
    [
      'the description is cut short',
      (root: string) => writeFileSync(join(root, '../redis-server.json'), '{"ver'),
    ],
  ])('are unpacked again when %s', async (_, damage) => {
    await redis();
    damage(unpackedRoot());
    expect(await redis()).toMatchObject({ version: '7.0.15' });
    expect(findProgram('redis-server', environment())).toBeDefined();
    expect(readFileSync(join(unpackedRoot(), 'usr/lib/x-linux-y/libdemo.so'), 'utf8')).toBe('library');
    expect(reports.at(-1)).toMatch(/^unpacking redis-server/);
  });

  test('are replaced by a newer version, looked for once a day', async () => {
    await redis();
    publish('7.0.15-1+deb12u1');
    reports = [];
    expect(await redis({ refresh: true })).toMatchObject({ source: 'Debian package 7.0.15-1' });
    expect(reports).toEqual([]);
    const yesterday = Date.now() / 1_000 - 25 * 3_600;
    utimesSync(join(folder, 'cache/simple378/debian/checked'), yesterday, yesterday);
    expect(await redis({ refresh: true })).toMatchObject({ source: 'Debian package 7.0.15-1+deb12u1' });
    expect(reports).toEqual(['replaced in the cache: redis-server 7.0.15-1 → 7.0.15-1+deb12u1']);
    expect(await redis({ refresh: true })).toMatchObject({ version: '7.0.15' });
    expect(reports).toHaveLength(1);
  });

  test('of a source that does not answer are reported, and those in the cache stay', async () => {
    await redis();
    reports = [];
    writeFileSync(join(folder, 'sources.list'), 'deb [trusted=yes] http://127.0.0.1:1/debian ./\n');
    utimesSync(join(folder, 'cache/simple378/debian/checked'), 0, 0);
    expect(await redis({ refresh: true })).toMatchObject({ version: '7.0.15' });
    expect(reports).toEqual([
      'no newer packages could be looked for today: no Debian package source answers',
    ]);
    expect((await provide(['prometheus'], options()))['prometheus']).toBeUndefined();
    expect(reports.at(-1)).toBe('failed: no Debian package source answers');
  });

  test('may read files of theirs that Debian expects below /usr/share', async (context) => {
    if (process.platform !== 'linux' || !canMount()) return context.skip('no user namespaces');
    await provide(['alertmanager'], options());
    const output = execFileSync('alertmanager', ['--templates'], { env: environment(), encoding: 'utf8' });
    expect(output.trim()).toBe('a template');
  });
});

/** Makes apt use the source with this version of redis-server, and no other. */
function publish(version: string): void {
  const uri = join(sources, version).replaceAll(' ', '%20');
  writeFileSync(join(folder, 'sources.list'), `deb [trusted=yes] file:${uri} ./\n`);
  writeFileSync(
    join(folder, 'apt.conf'),
    `Dir::Etc::sourcelist "${join(folder, 'sources.list')}"; Dir::Etc::sourceparts "-";\n`,
  );
}

/** Writes a package source, in which `redis-server` has this version and needs `libdemo`. */
function createSource(version: string): void {
  const source = join(sources, version);
  mkdirSync(source);
  const entries = [
    deb(source, 'libdemo', '1', '', { 'usr/lib/x-linux-y/libdemo.so': 'library' }),
    deb(source, 'redis-server', version, 'libdemo, libc6, other-tool', {
      'usr/bin/redis-server': '#!/bin/sh\necho "v=7.0.15 $LD_LIBRARY_PATH"\n',
      'usr/share/doc/redis-server/README': 'not needed',
    }),
    deb(source, 'other-tool', '1', '', { 'usr/bin/other-tool': 'not needed' }),
    deb(source, 'libc6', '1', '', { 'usr/lib/x-linux-y/libc.so': 'of every system' }),
    deb(source, 'prometheus-alertmanager', '0.25.0-1', '', {
      'usr/bin/prometheus-alertmanager':
        '#!/bin/sh\n[ "$1" = --version ] && echo "version 0.25.0" || cat /usr/share/prometheus/alertmanager/test.tmpl\n',
      'usr/share/prometheus/alertmanager/test.tmpl': 'a template',
    }),
  ];
  writeFileSync(join(source, 'Packages'), entries.join('\n'));
}

/** Builds a package and returns its entry for the list of packages. */
function deb(
  source: string,
  name: string,
  version: string,
  depends: string,
  files: Readonly<Record<string, string>>,
): string {
  const tree = mkdtempSync(join(sources, 'tree-'));
  const control = [
    `Package: ${name}`,
    `Version: ${version}`,
    'Architecture: all',
    'Maintainer: Test <test@example.test>',
    ...(depends === '' ? [] : [`Depends: ${depends}`]),
    'Description: test',
  ];
  for (const [path, content] of Object.entries({ ...files, 'DEBIAN/control': `${control.join('\n')}\n` })) {
    mkdirSync(join(tree, path, '..'), { recursive: true });
    writeFileSync(join(tree, path), content, { mode: path.includes('/bin/') ? 0o755 : 0o644 });
  }
  const file = `${name}_${version}_all.deb`;
  chmodSync(tree, 0o755);
  execFileSync('dpkg', ['--build', tree, join(source, file)], { stdio: 'ignore' });
  const archive = readFileSync(join(source, file));
  const hash = createHash('sha256').update(archive).digest('hex');
  return `${[...control, `Filename: ./${file}`, `Size: ${archive.length}`, `SHA256: ${hash}`].join('\n')}\n`;
}

function unpackedRoot(): string {
  const parent = join(folder, 'cache/simple378/debian');
  const name = readdirSync(parent).find((entry) => /^redis-server-[0-9a-f]{8}$/.test(entry)) ?? '';
  return join(parent, name);
}

function canMount(): boolean {
  try {
    execFileSync('sh', ['-c', 'unshare --user --map-root-user --mount mount -t tmpfs none /mnt'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

function findTool(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(':')
    .map((path) => join(path, name))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}
