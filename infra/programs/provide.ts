import { catalogue, type Program, type ProgramName } from './catalogue.ts';
import { isWhole, refreshDebian, unpackDebian, unpackedVersion } from './debian.ts';
import { binFolder, type Environment, findProgram, ProgramMissing, programPath } from './find.ts';

/** A program that can be run. */
export interface Provided {
  /** Absolute path. */
  readonly path: string;
  /** Where it came from, for the report. */
  readonly source: string;
  readonly version: string;
}

/** What {@link provide} may do, and where it reports. */
export interface ProvideOptions {
  readonly environment: Environment;
  /** Whether to get what is missing; `--no-install` uses what is here. */
  readonly install: boolean;
  /** Whether to look for newer packages than those in the cache. Default: no. */
  readonly refresh?: boolean;
  readonly say: (text: string) => void;
  /** Gets the reason when packages could not be unpacked. */
  readonly failed: (reason: string) => void;
}

/**
 * Finds programs: on PATH or in the user's cache, else as Debian packages that are unpacked there. Nothing is installed
 * into the system.
 * @returns the path, version and source of each that this machine can have
 */
export async function provide(
  names: readonly ProgramName[],
  options: ProvideOptions,
): Promise<Partial<Record<ProgramName, Provided>>> {
  const { environment, install, refresh = false, failed } = options;
  if (install && refresh) await refreshDebian(options);
  const packageOf = (name: ProgramName): string => (catalogue[name] as Program).debian ?? '';
  const missing = names.filter((name) => needsUnpacking(name, packageOf(name), environment));
  const packages = [...new Set(missing.map(packageOf))].filter(Boolean);
  if (install && packages.length > 0 && isDebian(environment)) {
    await unpackDebian(packages, options).catch((error: Error) => failed(error.message));
  }
  const provided: Partial<Record<ProgramName, Provided>> = {};
  for (const name of names) {
    const found = findProgram(name, environment);
    if (found === undefined) continue;
    const { path, version } = found;
    const cached = path.startsWith(binFolder(environment));
    const source = cached ? `Debian package ${unpackedVersion(packageOf(name), environment)}` : 'on PATH';
    provided[name] = { path, source, version };
  }
  return provided;
}

/**
 * Returns the path of a program for this process, and gets it first where it is missing.
 * @throws ProgramMissing
 */
export async function providedPath(name: ProgramName): Promise<string> {
  const say = (text: string) => console.error(`  … ${text}`);
  const { [name]: found } = await provide([name], {
    environment: process.env,
    install: true,
    say,
    failed: say,
  });
  return found?.path ?? programPath(name);
}

const isDebian = (environment: Environment): boolean =>
  ['apt-get', 'apt-cache', 'dpkg'].every((tool) => isHere(tool, environment));

/** A program that is here only as an unpacked package whose files are not whole is unpacked again. */
function needsUnpacking(name: ProgramName, debian: string, environment: Environment): boolean {
  const path = findProgram(name, environment)?.path;
  if (path === undefined) return true;
  return path.startsWith(binFolder(environment)) && !isWhole(debian, environment);
}

function isHere(name: string, environment: Environment): boolean {
  try {
    return programPath(name, environment) !== '';
  } catch (error) {
    if (error instanceof ProgramMissing) return false;
    throw error;
  }
}
