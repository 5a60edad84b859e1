import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ResolveOptions } from './binaries.ts';

const run = promisify(execFile);

/** Where programs were put, and what they need to run. */
export interface Installed {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  readonly source: string;
}

/** Of the host already, or not needed to run a server by hand. */
const notNeeded =
  /^(libc6|libc-bin|libgcc-s1|gcc-\d+-base|libcrypt1|libssl3.*|libstdc\+\+6|libsystemd0|lsb-base|sysvinit-utils|adduser|passwd|debconf.*|init-system-helpers|procps|tzdata|perl.*|libjs-.*|fonts-.*|daemon)$/;

/**
 * Unpacks a Debian or Ubuntu package and its libraries into the user's cache: no root, nothing installed, no service
 * started, the host's own package state untouched. Not where the program reads a file that only an installed package brings.
 */
export async function unpackDebian(
  server: { readonly debian?: string; readonly debianFile?: string },
  { environment, say }: ResolveOptions,
): Promise<Installed | undefined> {
  if (server.debian === undefined || !has('apt-get', environment) || !has('dpkg', environment))
    return undefined;
  if (server.debianFile !== undefined && !existsSync(server.debianFile)) return undefined;
  const cache = cacheOf(environment);
  const target = join(cache, server.debian);
  if (!existsSync(target)) {
    say(`unpacking the package ${server.debian} into ${target} (once; nothing is installed)`);
    try {
      await unpack(server.debian, cache, target, environment);
    } catch (error) {
      say(`that did not work: ${firstLine(error)}`);
      return undefined;
    }
  }
  return unpacked(server, environment);
}

/** What an earlier start unpacked of a server, if it did. */
export function unpacked(
  { debian = '' }: { readonly debian?: string },
  environment: ResolveOptions['environment'],
): Installed | undefined {
  const target = join(cacheOf(environment), debian);
  if (debian === '' || !existsSync(target)) return undefined;
  // Packages from before the merge of /usr have libraries in /lib.
  const libraries = [join(target, 'usr', 'lib'), join(target, 'lib')].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.includes('-linux-'))
          .map((triplet) => join(folder, triplet))
      : [],
  );
  return {
    path: join(target, 'usr', 'bin'),
    env: libraries.length > 0 ? { LD_LIBRARY_PATH: libraries.join(':') } : {},
    source: 'Debian package in the cache',
  };
}

const cacheOf = (environment: ResolveOptions['environment']): string =>
  join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'simple378', 'debian');

async function unpack(
  name: string,
  cache: string,
  target: string,
  environment: ResolveOptions['environment'],
): Promise<void> {
  // Of this run alone: another checkout may unpack at the same time, and old lists name packages that are gone.
  const lists = join(cache, `lists-${process.pid}`);
  mkdirSync(join(lists, 'partial'), { recursive: true });
  const work = mkdtempSync(join(cache, `${name}-`));
  try {
    await unpackIn(work, lists, name, environment);
    renameSync(join(work, 'root'), target);
  } catch (error) {
    // The other one was first.
    if (!existsSync(target)) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Into `root` of a folder: what is half unpacked must never look like a whole one. */
async function unpackIn(
  work: string,
  lists: string,
  name: string,
  environment: ResolveOptions['environment'],
): Promise<void> {
  const archives = join(work, 'archives');
  const fresh = join(work, 'root');
  for (const folder of [join(archives, 'partial'), fresh]) mkdirSync(folder, { recursive: true });
  // As on an empty host: what is installed here may be of a version that no archive has any more.
  const status = join(work, 'status');
  writeFileSync(status, '');
  const options = [
    '-o',
    `Dir::State::lists=${lists}`,
    '-o',
    `Dir::State::status=${status}`,
    '-o',
    `Dir::Cache=${work}`,
    '-o',
    'APT::Sandbox::User=',
  ];
  const env = { ...environment, LC_ALL: 'C' } as NodeJS.ProcessEnv;
  const apt = (program: string, args: readonly string[], cwd = archives) =>
    run(program, [...options, ...args], { env, cwd, maxBuffer: 64 * 1_024 * 1_024, timeout: 120_000 });
  if (readdirSync(lists).length <= 1) {
    process.once('exit', () => rmSync(lists, { recursive: true, force: true }));
    await apt('apt-get', ['-qq', 'update']);
  }
  const { stdout } = await apt('apt-cache', [
    'depends',
    '--recurse',
    '--no-recommends',
    '--no-suggests',
    '--no-conflicts',
    '--no-breaks',
    '--no-replaces',
    '--no-enhances',
    name,
  ]);
  const packages = [...new Set(stdout.split('\n').filter((line) => /^[a-z0-9]/.test(line)))].filter(
    (dependency) => dependency === name || !notNeeded.test(dependency),
  );
  await apt('apt-get', ['-qq', 'download', ...packages]);
  for (const file of readdirSync(archives).filter((entry) => entry.endsWith('.deb'))) {
    await run('dpkg', ['-x', join(archives, file), fresh], { env });
  }
}

/** Whether a program is on PATH. */
export function has(program: string, environment: ResolveOptions['environment']): boolean {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v "$1" >/dev/null', 'sh', program], {
      env: environment as NodeJS.ProcessEnv,
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

/** What a failed program said first. */
export const firstLine = (error: unknown): string => {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split('\n')[0] ?? '';
};
