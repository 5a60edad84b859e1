import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Source, Tool } from './types.ts';

/** Brings tools, each of a fixed version and into a folder of its own, from the registry of its kind. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The version that evidence names. */
export function versionOf(source: Source): string {
  if ('version' in source) return source.version;
  const goMod = readFileSync(join(root, source.goFolder, 'go.mod'), 'utf8');
  const version = new RegExp(`^\\s*(?:require )?${source.requires} (v\\S+)`, 'm').exec(goMod)?.[1];
  if (!version) throw new Error(`${source.goFolder}/go.mod does not require ${source.requires}`);
  return version;
}

/**
 * The tool's program (for npm the folder that holds node_modules), or null where it is not installed and may not be.
 * @param folder where tools are kept, one folder each
 */
export async function programOf(
  { name, source }: Tool,
  folder: string,
  mayInstall: boolean,
): Promise<string | null> {
  const home = join(folder, `${name}-${versionOf(source).replace(/[^\w.-]+/g, '_')}`);
  const bin = 'npm' in source ? home : join(home, 'bin', source.program);
  const present = existsSync('npm' in source ? join(home, 'node_modules') : bin);
  // Ours may have changed; Go itself knows whether there is anything to build.
  if ((present && !('goFolder' in source)) || !mayInstall) return present ? bin : null;
  mkdirSync(home, { recursive: true });
  try {
    await install(source, home);
  } catch (error) {
    // Half of a tool would pass for the tool the next time.
    if (!present) rmSync(home, { recursive: true, force: true });
    throw error;
  }
  return bin;
}

/** The installer that a tool needs and this machine lacks, with what to do about it; null where all is there. */
export function missingFor(source: Source): string | null {
  const needed = [
    ...('pip' in source || 'schemas' in source ? ['python3'] : []),
    ...('go' in source || 'goFolder' in source ? ['go'] : []),
    ...('npm' in source ? ['npm'] : []),
  ];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const lacking = needed.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return lacking.length > 0 ? `needs ${lacking.join(' and ')}, which is not in PATH: install it first` : null;
}

async function install(source: Source, home: string): Promise<void> {
  const options = { cwd: home, maxBuffer: 64 * 1024 * 1024, timeout: 900_000 };
  const pip = async (requirement: string): Promise<void> => {
    await run('python3', ['-m', 'venv', home], options);
    await run(join(home, 'bin/pip'), ['install', '--quiet', requirement], options);
  };
  if ('pip' in source) {
    await pip(`${source.pip}==${source.version}`);
  } else if ('goFolder' in source) {
    const output = join(home, 'bin', source.program);
    await run('go', ['build', '-o', output, '.'], { ...options, cwd: join(root, source.goFolder) });
  } else if ('go' in source) {
    if (source.schemas) {
      await pip(source.schemas);
      layOutSchemas(home);
    }
    const env = { ...process.env, GOBIN: join(home, 'bin') };
    await run('go', ['install', `${source.go}@${source.version}`], { ...options, env });
  } else {
    writeFileSync(join(home, 'package.json'), '{}');
    // Spectral finds rule sets beside the file that names them.
    writeFileSync(join(home, 'owasp.yaml'), 'extends: ["@stoplight/spectral-owasp-ruleset"]\n');
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...source.npm], options);
    const preload = join(home, 'node_modules/@mdn/mdn-http-observatory/conf');
    // Its install script would fetch the browsers' preload list, of which a service on loopback is no part.
    if (existsSync(preload)) writeFileSync(join(preload, 'hsts-preload.json'), '{}');
  }
}

/** Where kubeconform finds what {@link layOutSchemas} wrote. */
export function schemaLocation(bin: string): string {
  const home = dirname(dirname(bin));
  return `${home}/schemas/{{.NormalizedKubernetesVersion}}/{{.ResourceKind}}{{.KindSuffix}}.json`;
}

/** The package's schemas name each other by addresses that only the package resolves: name files instead. */
function layOutSchemas(home: string): void {
  const strict = '-local-strict';
  const folders = readdirSync(join(home, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(strict))
    .map((path) => join(home, 'lib', path));
  if (folders.length === 0) throw new Error('the package with the Kubernetes schemas has none');
  for (const folder of folders) {
    const target = join(home, 'schemas', basename(folder).slice(0, -strict.length));
    mkdirSync(target, { recursive: true });
    for (const file of readdirSync(folder)) {
      const { $id, ...schema } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<
        string,
        unknown
      >;
      const text = JSON.stringify(schema).replaceAll('"/api/_definitions.json#', '"_definitions.json#');
      writeFileSync(join(target, file), text);
    }
  }
}
