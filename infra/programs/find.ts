import { execFileSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { howToGet, type Program, type ProgramName, programNamed } from './catalogue.ts';

/** Variables of a process, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A program that is on this machine. */
export interface Found {
  /** Absolute path. */
  readonly path: string;
  readonly version: string;
}

/** A program is neither on PATH nor in the cache. The message says how to get it. */
export class ProgramMissing extends Error {
  readonly code = 'ENOENT';
}

/** Returns the user's folder of unpacked packages. */
export const cacheFolder = (environment: Environment): string =>
  join(environment['XDG_CACHE_HOME'] || join(environment['HOME'] || homedir(), '.cache'), 'simple378');

/** Returns the folder of the programs that were unpacked, each a wrapper that needs nothing of its environment. */
export const binFolder = (environment: Environment): string => join(cacheFolder(environment), 'bin');

/**
 * Returns the absolute path of a program of the catalogue: on PATH, else in the cache.
 * @throws ProgramMissing
 */
export function programPath(name: string, environment: Environment = process.env): string {
  if (name.includes('/')) return name;
  const program = programNamed(name);
  if (program === undefined)
    throw new ProgramMissing(`${name} is not in infra/programs/catalogue.ts; add it there`);
  const [first] = candidates(name, program, environment);
  if (first === undefined) throw new ProgramMissing(`${name} is not installed: ${howToGet(name)}`);
  return first;
}

/** Returns PATH with the cache's programs at its end, for scripts that run programs by name. */
export function pathWithCache(environment: Environment = process.env): string {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(Boolean);
  const bin = binFolder(environment);
  return (folders.includes(bin) ? folders : [...folders, bin]).join(delimiter);
}

/** Finds a program that is recent enough and runs, on PATH and then in the cache. Runs it for its version. */
export function findProgram(name: ProgramName, environment: Environment = process.env): Found | undefined {
  const program = programNamed(name) as Program;
  for (const path of candidates(name, program, environment)) {
    const version = versionOf(path, environment);
    if (version !== undefined && isAtLeast(version, program.atLeast)) return { path, version };
  }
  return undefined;
}

function candidates(name: string, { binaries = [name] }: Program, environment: Environment): string[] {
  return pathWithCache(environment)
    .split(delimiter)
    .flatMap((folder) => binaries.map((binary) => join(folder, binary)))
    .filter(isExecutable);
}

function versionOf(path: string, environment: Environment): string | undefined {
  const pattern = /(?:v=|version:? v?|v)(\d+\.\d+[.\d]*)/i;
  try {
    const output = execFileSync(path, ['--version'], {
      env: environment as NodeJS.ProcessEnv,
      encoding: 'utf8',
      timeout: 5_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return (pattern.exec(output) ?? /(\d+\.\d+[.\d]*)/.exec(output))?.[1] ?? '0.0';
  } catch (error) {
    // redis_exporter prints its version to standard error and exits with 1 in some versions.
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return pattern.exec(`${stdout}${stderr}`)?.[1];
  }
}

function isAtLeast(version: string, [major, minor]: readonly [number, number] = [0, 0]): boolean {
  const [foundMajor = 0, foundMinor = 0] = version.split('.').map(Number);
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
