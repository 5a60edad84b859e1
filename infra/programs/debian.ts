import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { Apt, closureOf } from './apt.ts';
import { catalogue, type Program } from './catalogue.ts';
import { binFolder, cacheFolder, type Environment } from './find.ts';

const run = promisify(execFile);
const day = 24 * 3_600_000;

/** What a function of this file may use, and where it reports. */
export interface DebianOptions {
  readonly environment: Environment;
  readonly say: (text: string) => void;
}

/** Describes one unpacked package; written last, so that a package without it is not whole. */
interface Manifest {
  /** The unpacked tree. */
  readonly root: string;
  /** Version of the package and of each library that was unpacked with it. */
  readonly versions: Readonly<Record<string, string>>;
  /** Bytes of every file, by absolute path, the wrappers among them. */
  readonly files: Readonly<Record<string, number>>;
}

/**
 * Unpacks Debian or Ubuntu packages with their libraries into the user's cache and writes a wrapper for each program.
 * Installs nothing, starts no service, needs no root, and leaves the host's package state as it is.
 * @throws Error when no package source answers or has them
 */
export async function unpackDebian(
  packages: readonly string[],
  { environment, say }: DebianOptions,
): Promise<void> {
  const missing = packages.filter((name) => !isWhole(name, environment));
  if (missing.length === 0) return;
  for (const name of missing)
    if (readManifest(name, environment)) say(`the unpacked package ${name} is damaged and is made again`);
  say(`unpacking ${missing.join(', ')} into ${debianFolder(environment)} (once; nothing is installed)`);
  await Apt.use(debianFolder(environment), environment, async (apt) => {
    await apt.update();
    await unpackAll(missing, apt, environment);
  });
  touch(environment);
}

/**
 * Replaces unpacked packages of which a package source has another version. It asks at most once a day, and gives up
 * after a few seconds without an answer.
 */
export async function refreshDebian({ environment, say }: DebianOptions): Promise<void> {
  const folder = debianFolder(environment);
  const known = existsSync(folder)
    ? readdirSync(folder).flatMap((file) => (file.endsWith('.json') ? [basename(file, '.json')] : []))
    : [];
  if (known.length === 0 || Date.now() - checkedAt(environment) < day) return;
  touch(environment);
  try {
    await Apt.use(folder, environment, async (apt) => {
      await apt.update();
      for (const name of known) {
        const old = readManifest(name, environment)?.versions ?? {};
        const changed = Object.entries(await apt.versions(await closureOf(apt, name))).filter(
          ([one, version]) => old[one] !== version,
        );
        if (changed.length === 0) continue;
        await unpackAll([name], apt, environment);
        const list = changed.map(([one, version]) => `${one} ${old[one] ?? 'none'} → ${version}`);
        say(`replaced in the cache: ${list.join(', ')}`);
      }
    });
  } catch (error) {
    say(`no newer packages could be looked for today: ${(error as Error).message}`);
  }
}

/** Returns whether a package is unpacked with every file at its full size. */
export function isWhole(name: string, environment: Environment): boolean {
  const files = Object.entries(readManifest(name, environment)?.files ?? {});
  return files.length > 0 && files.every(([path, size]) => sizeOf(path) === size);
}

/** Returns the version of an unpacked package, or `undefined`. */
export const unpackedVersion = (name: string, environment: Environment): string | undefined =>
  readManifest(name, environment)?.versions[name];

const debianFolder = (environment: Environment): string => join(cacheFolder(environment), 'debian');
const manifestFile = (name: string, environment: Environment): string =>
  join(debianFolder(environment), `${name}.json`);
const stampFile = (environment: Environment): string => join(debianFolder(environment), 'checked');
const touch = (environment: Environment): void => writeFileSync(stampFile(environment), '');
const checkedAt = (environment: Environment): number =>
  statSync(stampFile(environment), { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? -1;

function readManifest(name: string, environment: Environment): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(manifestFile(name, environment), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

async function unpackAll(names: readonly string[], apt: Apt, environment: Environment): Promise<void> {
  const closures = new Map<string, readonly string[]>();
  for (const name of names) closures.set(name, await closureOf(apt, name));
  const archives = await apt.download([...new Set([...closures.values()].flat())]);
  for (const [name, closure] of closures) {
    const versions = Object.fromEntries(closure.map((one) => [one, archives.get(one)?.version ?? '']));
    const files = closure.flatMap((one) => archives.get(one)?.file ?? []);
    await unpackOne(name, versions, files, environment);
  }
}

async function unpackOne(
  name: string,
  versions: Readonly<Record<string, string>>,
  archives: readonly string[],
  environment: Environment,
): Promise<void> {
  const folder = debianFolder(environment);
  const fresh = mkdtempSync(join(folder, `.${name}-`));
  for (const archive of archives)
    await run('dpkg', ['-x', archive, fresh], { env: environment as NodeJS.ProcessEnv });
  for (const unused of ['doc', 'man', 'lintian', 'bash-completion'])
    rmSync(join(fresh, 'usr/share', unused), { recursive: true, force: true });
  // The mount point that a wrapper needs for Debian's folders; see wrapperOf.
  mkdirSync(join(fresh, 'usr/share/zoneinfo'), { recursive: true });
  // A name of its own: programs of the version before may still run from their folder.
  const id = createHash('sha256')
    .update(JSON.stringify([versions, fresh]))
    .digest('hex')
    .slice(0, 8);
  const root = join(folder, `${name}-${id}`);
  renameSync(fresh, root);
  const wrappers = writeWrappers(name, root, environment);
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => join(root, path));
  const files = Object.fromEntries(
    [...paths, ...wrappers]
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
      .map((path) => [path, sizeOf(path)]),
  );
  const before = readManifest(name, environment)?.root;
  replaceFile(manifestFile(name, environment), JSON.stringify({ root, versions, files } satisfies Manifest));
  if (before !== undefined) rmSync(before, { recursive: true, force: true });
}

/** Writes a wrapper for each program of the catalogue that the package has. Other packages' wrappers have other names. */
function writeWrappers(name: string, root: string, environment: Environment): string[] {
  const bin = binFolder(environment);
  mkdirSync(bin, { recursive: true });
  const programs = Object.entries(catalogue as Readonly<Record<string, Program>>)
    .filter(([, { debian }]) => debian === name)
    .flatMap(([program, { binaries = [program] }]) => binaries);
  return [...new Set(programs)]
    .filter((program) => existsSync(join(root, 'usr/bin', program)))
    .map((program) => {
      const path = join(bin, program);
      replaceFile(path, wrapperOf(name, join(root, 'usr/bin', program), root), 0o755);
      return path;
    });
}

/** Returns a shell script that sets what an unpacked program needs and becomes that program. */
function wrapperOf(name: string, program: string, root: string): string {
  const libraries = ['usr/lib', 'lib'].flatMap((folder) =>
    existsSync(join(root, folder))
      ? readdirSync(join(root, folder))
          .filter((entry) => entry.includes('-linux-'))
          .map((triplet) => join(root, folder, triplet))
      : [],
  );
  const needed = (Object.values(catalogue) as Program[]).find(({ debian }) => debian === name)?.debianFolder;
  return [
    '#!/bin/sh',
    `# Runs a program of the unpacked Debian package ${name}. Written by npm start.`,
    ...(libraries.length > 0 ? [`export LD_LIBRARY_PATH=${quote(libraries.join(':'))}`] : []),
    ...(needed === undefined ? [] : namespaced(needed, root, program)),
    `exec ${quote(program)} "$@"`,
    '',
  ].join('\n');
}

/**
 * Debian's build reads its folder at one absolute path. Where that is absent, the program runs in a mount namespace of its
 * own with the unpacked /usr/share in place of the system's; time zones stay the system's.
 */
function namespaced(needed: string, root: string, program: string): string[] {
  const share = join(root, 'usr/share');
  const mounts = [
    `if [ -d /usr/share/zoneinfo ]; then mount --rbind /usr/share/zoneinfo ${quote(`${share}/zoneinfo`)}; fi`,
    `mount --rbind ${quote(share)} /usr/share`,
    `exec ${quote(program)} "$@"`,
  ];
  return [
    `if [ ! -d ${needed} ]; then`,
    `  exec unshare --user --map-root-user --mount sh -c ${quote(mounts.join(' && '))} sh "$@"`,
    'fi',
  ];
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Writes a file in one step, because another command may read it at the same time. */
function replaceFile(path: string, content: string, mode = 0o644): void {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, content, { mode });
  renameSync(fresh, path);
}
