import { type ExecFileException, execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from './find.ts';

/** Seconds in which the first byte must come; apt itself would try for minutes. */
const firstByteSeconds = 4;
/** Seconds without another byte after which a transfer has stopped. */
const stalledSeconds = 30;

/** Libraries that every Debian or Ubuntu with apt has, and those that no program here loads. */
const otherLibraries =
  /^(libc6|libc-bin|libgcc-s1|libcrypt1|libssl3.*|libstdc\+\+6|libsystemd0|libjs-.*|lib.*-perl|libperl.*)$/;

/** Returns a package and what is unpacked with it: its libraries, and the package that holds the program of redis-server. */
export async function closureOf(apt: Apt, name: string): Promise<string[]> {
  return (await apt.dependencies(name)).filter(
    (other) => other === name || (/^(lib|lua-|redis-tools$)/.test(other) && !otherLibraries.test(other)),
  );
}

/** The package sources of this machine, used as an ordinary user and with state of its own. */
export class Apt {
  readonly #folder: string;
  readonly #environment: Environment;

  private constructor(folder: string, environment: Environment) {
    this.#folder = folder;
    this.#environment = environment;
    for (const part of ['lists/partial', 'archives/partial'])
      mkdirSync(join(folder, part), { recursive: true });
    // An empty host: an installed package may be of a version that no source has any more.
    writeFileSync(join(folder, 'status'), '');
  }

  /** Runs `body` with a folder for lists and archives inside `parent`, and removes that folder. */
  static async use<T>(parent: string, environment: Environment, body: (apt: Apt) => Promise<T>): Promise<T> {
    mkdirSync(parent, { recursive: true });
    const folder = mkdtempSync(join(parent, '.apt-'));
    const remove = () => rmSync(folder, { recursive: true, force: true });
    process.once('exit', remove);
    try {
      return await body(new Apt(folder, environment));
    } finally {
      process.off('exit', remove);
      remove();
    }
  }

  /** Fetches the lists. @throws Error when no source answers */
  async update(): Promise<void> {
    // The exit code says little: it is 0 where nothing was fetched, and 100 where one of several sources failed.
    await this.#run('apt-get', ['-qq', 'update']).catch(() => '');
    if (!readdirSync(join(this.#folder, 'lists')).some((file) => file.includes('_Packages')))
      throw new Error('no Debian package source answers');
  }

  /** Returns a package and all that it depends on. */
  async dependencies(name: string): Promise<string[]> {
    const left = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
    const options = left.map((kind) => `--no-${kind}`);
    const text = await this.#run('apt-cache', ['depends', '--recurse', ...options, name]);
    return [...new Set(text.split('\n').filter((line) => /^[a-z0-9]/.test(line)))];
  }

  /** Returns the version of each package that a source has. */
  async versions(names: readonly string[]): Promise<Record<string, string>> {
    const text = await this.#run('apt-cache', ['show', '--no-all-versions', ...names]);
    const fields = [...text.matchAll(/^(Package|Version): (.+)$/gm)].map(([, , value = '']) => value);
    return Object.fromEntries(
      fields.flatMap((value, index) => (index % 2 === 0 ? [[value, fields[index + 1] ?? '']] : [])),
    );
  }

  /** Downloads packages. Returns the archive and version of each, by name. */
  async download(names: readonly string[]): Promise<Map<string, { file: string; version: string }>> {
    const archives = join(this.#folder, 'archives');
    await this.#run('apt-get', ['-qq', 'download', ...names], archives);
    return new Map(
      readdirSync(archives)
        .filter((file) => file.endsWith('.deb'))
        .map((file) => {
          const [name = '', version = ''] = file.split('_');
          return [name, { file: join(archives, file), version: decodeURIComponent(version) }];
        }),
    );
  }

  /** Runs a program of apt, and ends it when nothing arrives. */
  #run(program: string, args: readonly string[], cwd = this.#folder): Promise<string> {
    const settings = {
      'Dir::State::lists': join(this.#folder, 'lists'),
      'Dir::State::status': join(this.#folder, 'status'),
      'Dir::Cache': this.#folder,
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '0',
      'Acquire::http::Timeout': String(firstByteSeconds),
      'Acquire::https::Timeout': String(firstByteSeconds),
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    return new Promise((resolve, reject) => {
      let stalled = false;
      const child = execFile(
        program,
        [...options, ...args],
        { cwd, env: { ...this.#environment, LC_ALL: 'C' }, maxBuffer: 64 * 1_024 * 1_024 },
        (error, stdout, stderr) => {
          clearInterval(watch);
          if (error === null) resolve(stdout);
          else reject(new Error(stalled ? 'no Debian package source answers' : reasonOf(error, stderr)));
        },
      );
      let [bytes, since] = [sizeOfAll(this.#folder), Date.now()];
      const watch = setInterval(() => {
        const now = sizeOfAll(this.#folder);
        const limit = now === 0 ? firstByteSeconds : stalledSeconds;
        if (now !== bytes) [bytes, since] = [now, Date.now()];
        else if (Date.now() - since > limit * 1_000) {
          stalled = true;
          child.kill();
        }
      }, 500);
    });
  }
}

/** Returns the first line of what a program of apt reported. */
function reasonOf(error: ExecFileException, stderr: string): string {
  const lines = stderr.trim().split('\n');
  return lines.find((line) => line.startsWith('E: '))?.slice(3) ?? lines[0] ?? error.message;
}

function sizeOfAll(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => statSync(join(folder, path), { throwIfNoEntry: false }))
    .reduce((sum, stat) => sum + (stat?.isFile() ? stat.size : 0), 0);
}
