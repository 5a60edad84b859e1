import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** The folders of the repository that hold code, lowest first: a folder may import only what {@link allowed} names. */
export const folders = [
  'contract',
  'limiter',
  'app',
  'slo',
  'dashboards',
  'infra',
  'policies',
  'loadtests',
  'cli',
  'test',
] as const;
type Folder = (typeof folders)[number];

/** The other folders that a folder may import from. Tests may import anything, except that app and limiter stay free of Pulumi. */
export const allowed: Readonly<Record<Folder, readonly Folder[]>> = {
  contract: [],
  limiter: ['contract'],
  app: ['contract', 'limiter'],
  slo: ['contract'],
  dashboards: ['contract', 'slo'],
  infra: ['contract', 'slo', 'dashboards'],
  policies: ['contract', 'slo', 'dashboards', 'infra'],
  loadtests: ['contract', 'slo', 'infra'],
  // The commands tie the folders together; some write what the service itself generates.
  cli: ['contract', 'limiter', 'app', 'slo', 'dashboards', 'infra', 'policies', 'loadtests'],
  test: [...folders],
};

/** Packages that only some folders may import. */
const packages: readonly { readonly match: RegExp; readonly folders: readonly Folder[] }[] = [
  { match: /^@pulumi/, folders: ['infra', 'policies', 'cli', 'test'] },
  { match: /^@grafana\//, folders: ['dashboards', 'slo'] },
  { match: /^(fastify|@fastify\/)/, folders: ['app', 'limiter'] },
  { match: /^k6(\/|$)/, folders: ['loadtests'] },
];

/** Folders whose cycles are known and still to be mended. */
const unfinished = ['policies/verify/checks'];

const importStatement =
  /(?:^|\n)\s*(?:import|export)\s(?:type\s)?(?:[^'"`;]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

const isTest = (file: string): boolean =>
  /^test\/|\.test\.ts$|\.testing\.ts$|\/testing|\/fixtures\/|\/(mutants|bench|faults)\//.test(file);

/** Returns every import that crosses a boundary it must not cross, and every cycle of files or folders. */
export function importProblems(root: string): string[] {
  const files = folders.flatMap((folder) =>
    sources(join(root, folder)).map((file) => relative(root, file).split(sep).join('/')),
  );
  const sourceOf = (file: string) => readFileSync(join(root, file), 'utf8');
  const graph = new Map(files.map((file) => [file, localImports(file, sourceOf(file))]));
  return [
    ...files.flatMap((file) => problemsOf(file, sourceOf(file))),
    ...cycles(graph).map((cycle) => `import cycle: ${cycle.join(' → ')}`),
    ...cycles(folderGraph(graph))
      .filter((cycle) => !cycle.some((folder) => unfinished.includes(folder)))
      .map((cycle) => `import cycle of folders: ${cycle.join(' → ')}`),
    ...files.flatMap((file) => spawnProblems(file, sourceOf(file))),
  ];
}

/**
 * Returns the programs that a file runs by bare name without the resolver of infra/programs. Lint forbids the import of
 * `node:child_process` to all files but the two that run before the packages are installed.
 */
export function spawnProblems(file: string, source: string): string[] {
  if (file.startsWith('infra/programs/') || !/['"](node:)?child_process['"]/.test(source)) return [];
  return [
    ...source.matchAll(
      /\b(?:spawn|spawnSync|exec|execSync|execFile|execFileSync)\(\s*('[^'/]*'|"[^"/]*"|`[^`/$]*`)/g,
    ),
  ].map(([, program]) => `${file}: runs ${program} by name; import infra/programs/child-process.ts`);
}

/** Returns the boundary problems of one file, named from the repository's root. */
export function problemsOf(file: string, source: string): string[] {
  const folder = folderOf(file);
  if (folder === undefined) return [];
  return [...source.matchAll(importStatement)].flatMap((match) => {
    const specifier = match[1] ?? match[2] ?? '';
    if (!specifier.startsWith('.')) return packageProblem(folder, file, specifier);
    const target = join(dirname(file), specifier).split(sep).join('/');
    const other = folderOf(target);
    if (other === undefined || other === folder || isTest(file)) return [];
    return allowed[folder].includes(other) ? [] : [`${file}: ${folder} must not import ${target}`];
  });
}

/** Returns import cycles, each as the list of files in it, the first repeated at the end. */
export function cycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      found.push([...path.slice(at), file]);
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

/**
 * Returns the folders that each folder imports from, sub-folders included as folders of their own. Tests do not count,
 * because they may import anything.
 */
export function folderGraph(files: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const graph = new Map<string, string[]>();
  for (const [file, targets] of files) {
    if (isTest(file)) continue;
    const others = targets.map((target) => dirname(target)).filter((folder) => folder !== dirname(file));
    graph.set(dirname(file), [...new Set([...(graph.get(dirname(file)) ?? []), ...others])]);
  }
  return graph;
}

/** Returns the files that a file imports. Imports of types alone do not count, because they are erased. */
function localImports(file: string, source: string): string[] {
  return [...source.matchAll(importStatement)]
    .filter(([statement]) => !/^\s*(import|export)\s+type\s/.test(statement))
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => join(dirname(file), specifier).split(sep).join('/'));
}

const folderOf = (file: string): Folder | undefined =>
  folders.find((candidate) => file.startsWith(`${candidate}/`));

function packageProblem(folder: Folder, file: string, specifier: string): string[] {
  if (folder === 'contract' && !isTest(file) && specifier !== 'typebox')
    return [`${file}: contract must not import ${specifier}`];
  const home = packages.find(({ match }) => match.test(specifier));
  if (home === undefined || home.folders.includes(folder) || isTest(file)) return [];
  return [`${file}: ${specifier} may be imported only in ${home.folders.join(', ')}`];
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|js)$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name));
}
