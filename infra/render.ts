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
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { stack } from './components/stack.ts';
import type { Fresh } from './render/fresh.ts';
import { markers, objects, type RenderedObject } from './render/objects.ts';
import { changesOf, keyAndValue } from './settings/changes.ts';
import { BadSettings, environments, loadSettings, type Settings } from './settings/index.ts';

const help = `Usage: npm run render -- [environment…] [options]

Writes every environment's manifests to rendered/, without a cluster or the Pulumi CLI. Secrets are written as
secret:<path>.

  --check                 write nothing; exit 1 when rendered/ is stale
  --set KEY=VALUE         change a setting, as in redis.mode=sentinel; needs --out; may be repeated
  --reveal-secrets        write fresh secrets, so that the files can be applied; needs --out
  --out DIR               write to DIR instead, outside the repository; with secrets its mode is 0700
  --secret KEY=VALUE      a value of the secret configuration, as in receiver-pager=https://…; may be repeated
  --help

Exit codes: 0 done, 1 stale, 2 wrong usage, 78 bad settings.`;

type Print = (line: string) => void;

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

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2));

/** The command. @param print takes what was asked for, @param complain the rest, line by line */
export async function main(
  argv: readonly string[],
  print: Print = console.log,
  complain: Print = console.error,
): Promise<number> {
  try {
    return await run(argv, print, complain);
  } catch (error) {
    complain(`render: ${(error as Error).message}`);
    return error instanceof BadSettings ? 78 : 2;
  }
}

async function run(argv: readonly string[], print: Print, complain: Print): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      check: { type: 'boolean', default: false },
      set: { type: 'string', multiple: true, default: [] },
      secret: { type: 'string', multiple: true, default: [] },
      'reveal-secrets': { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(help);
    return 0;
  }
  const names = positionals.length > 0 ? positionals : [...environments];
  const changes = changesOf(values.set);
  const out = values.out === undefined ? undefined : outside(values.out);
  if (!out && (values['reveal-secrets'] || values.set.length > 0))
    throw new Error('--reveal-secrets and --set need --out DIR: rendered/ shows the files as they are');
  if (values['reveal-secrets'])
    return await reveal(
      complain,
      names,
      changes,
      out as string,
      Object.fromEntries(values.secret.map((pair) => keyAndValue(pair))),
    );
  const stale = names.flatMap((name) =>
    sync(join(out ?? join(root, 'rendered'), name), renderEnvironment(name, changes), values.check),
  );
  if (values.check && stale.length > 0) {
    complain(
      `render: rendered/ is stale, run "npm run render":\n${stale.map((file) => `  ${file}`).join('\n')}`,
    );
    return 1;
  }
  complain(
    `render: ${names.join(', ')}: ${stale.length === 0 ? 'nothing changed' : `${stale.length} file(s) changed`}`,
  );
  return 0;
}

/** Writes what differs and removes what is no more; returns both. */
function sync(folder: string, files: ReadonlyMap<string, string>, check: boolean): string[] {
  const there = existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'))
    : [];
  const gone = there.filter((file) => !files.has(file.split(sep).join('/')));
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
  complain: Print,
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
    complain(`render: ${name} with its secrets is in ${folder}; delete it when it is of no more use`);
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
