import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { stack } from './components/stack.ts';
import type { Fresh } from './render/fresh.ts';
import { markers, objects, type RenderedObject } from './render/objects.ts';
import { changesOf, keyAndValue } from './settings/changes.ts';
import { environments, loadSettings, type Settings } from './settings/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The files of an environment by their path under its folder: one per object, keys in the order they were written. */
function renderedFiles(rendered: readonly RenderedObject[]): Map<string, string> {
  return new Map(
    rendered.map(({ file, object }) => [
      file,
      stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }),
    ]),
  );
}

/** Environment by environment, the files with secrets as markers. @throws BadSettings */
export function renderEnvironment(environment: string, changes: Readonly<Record<string, unknown>> = {}) {
  return renderedFiles(objects(loadSettings(environment, changes), markers));
}

/** Options of a rendering. */
export interface RenderOptions {
  /** All environments when empty. */
  readonly environments: readonly string[];
  /** Only compares, and returns 1 when a file is stale. */
  readonly check: boolean;
  /** Changes of settings, `KEY=VALUE`; they need `out`. */
  readonly set: readonly string[];
  /** Values of the secret configuration, `KEY=VALUE`. */
  readonly secret: readonly string[];
  /** Writes fresh secrets instead of markers; needs `out`. */
  readonly revealSecrets: boolean;
  /** A folder outside the repository; `rendered/` when left out. */
  readonly out?: string | undefined;
}

/**
 * Writes the manifests of environments, or compares them with the files that are there.
 * @param print takes one message
 * @returns the exit code: 0 done or current, 1 stale
 * @throws BadSettings; Error for options that exclude each other
 */
export async function renderManifests(
  options: RenderOptions,
  print: (line: string) => void,
): Promise<number> {
  const names = options.environments.length > 0 ? options.environments : [...environments];
  const changes = changesOf(options.set);
  const out = options.out === undefined ? undefined : outside(options.out);
  if (!out && (options.revealSecrets || options.set.length > 0))
    throw new Error(
      '--reveal-secrets and --set need --out DIR, because rendered/ holds the files without them',
    );
  if (options.revealSecrets) {
    const configured = Object.fromEntries(options.secret.map((pair) => keyAndValue(pair)));
    return reveal(print, names, changes, out as string, configured);
  }
  const folder = out ?? join(root, 'rendered');
  const dashboards = new Map<string, string>();
  const stale = names.flatMap((name) => {
    const files = renderEnvironment(name, changes);
    return sync(join(folder, name), out ? files : withDashboardsOnce(files, dashboards), options.check);
  });
  // Of some environments only, the dashboards of the others stay.
  if (!out)
    stale.push(
      ...sync(join(folder, 'dashboards'), dashboards, options.check, names.length === environments.length),
    );
  if (options.check && stale.length > 0) {
    print(`rendered/ is stale, run npm run render:\n${stale.map((file) => `  ${file}`).join('\n')}`);
    return 1;
  }
  print(`${names.join(', ')}: ${stale.length === 0 ? 'nothing changed' : `${stale.length} file(s) changed`}`);
  return 0;
}

/**
 * The same files, with each dashboard in a file of its own that all environments share: `dashboards/<uid>.<hash>.json`. The
 * ConfigMap names it, as secrets are named by `secret:<path>`; what the program deploys, and `--out`, hold the whole dashboard.
 * @param dashboards receives the dashboards by file name
 */
function withDashboardsOnce(files: ReadonlyMap<string, string>, dashboards: Map<string, string>) {
  return new Map(
    [...files].map(([file, content]) => {
      if (!file.startsWith('grafana/configmap-grafana-dashboard-')) return [file, content] as const;
      const map = parse(content) as { data: Record<string, string> };
      const data = Object.fromEntries(
        Object.entries(map.data).map(([name, json]) => {
          const hash = createHash('sha256').update(json).digest('hex').slice(0, 10);
          const shared = name.replace(/json$/, `${hash}.json`);
          dashboards.set(shared, json);
          return [name, `file:dashboards/${shared}`];
        }),
      );
      return [file, stringify({ ...map, data }, { lineWidth: 0 })] as const;
    }),
  );
}

/** Writes what differs and removes what is no more; returns both. @param removes whether files that are not given go */
function sync(folder: string, files: ReadonlyMap<string, string>, check: boolean, removes = true): string[] {
  const there = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(yaml|json)$/.test(file))
    : [];
  const gone = there.filter((file) => removes && !files.has(file.split(sep).join('/')));
  const changed = [...files].filter(([file, content]) => {
    const path = join(folder, file);
    return !existsSync(path) || readFileSync(path, 'utf8') !== content;
  });
  if (!check) {
    for (const file of gone) rmSync(join(folder, file));
    for (const [file, content] of changed) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), content);
    }
  }
  return [...gone, ...changed.map(([file]) => file)].map((file) => relative(root, join(folder, file)));
}

async function reveal(
  print: (line: string) => void,
  names: readonly string[],
  changes: Readonly<Record<string, unknown>>,
  out: string,
  configured: Readonly<Record<string, string>>,
): Promise<number> {
  const { freshSource } = await import('./render/fresh.ts');
  for (const name of names) {
    const settings = loadSettings(name, changes);
    const folder = join(out, name);
    // A mode at creation is nothing to what is there, as after a run without secrets. `out` itself may be anything, /tmp too.
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    const store = join(out, `${name}.material.json`);
    const known: Fresh = existsSync(store)
      ? (JSON.parse(readFileSync(store, 'utf8')) as Fresh)
      : { values: {}, certificates: {} };
    const source = await freshSource(settings, certificates(settings), known, configured);
    sync(folder, renderedFiles(objects(settings, source)), false);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
      chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600);
    if (existsSync(store)) chmodSync(store, 0o600);
    writeFileSync(store, JSON.stringify(known, null, 2), { mode: 0o600 });
    print(`${name} with its secrets is in ${folder}; delete the folder when you no longer need it`);
  }
  return 0;
}

function certificates(settings: Settings) {
  return stack(settings).flatMap((part) => part.certificates ?? []);
}

/** A folder that git cannot see. */
function outside(folder: string): string {
  const path = resolve(folder);
  let real = path;
  while (!existsSync(real)) real = dirname(real);
  if (`${realpathSync(real)}${sep}`.startsWith(realpathSync(root) + sep))
    throw new Error(
      `--out ${folder} is inside the repository: secrets could be committed; name a folder elsewhere`,
    );
  return path;
}
