import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/** The folders of the house; an import from one to another goes through what that other shares. */
export const rooms = [
  'app',
  'slo',
  'dashboards',
  'infra',
  'policies',
  'loadtests',
  'scripts',
  'test',
] as const;
type Room = (typeof rooms)[number];

/** Files that any room may import: they import nothing but types and each other, so that k6 and Pulumi load them too. */
export const shared = [
  'app/src/metrics/catalogue.ts',
  'app/src/limiter/policies.ts',
  'app/src/limiter/validate.ts',
  'app/src/http/headers.ts',
  'slo/index.ts',
];

/** What a room may import of another beside the shared files, as prefixes of paths. Tests may use `test/` as well. */
export const allowed: Readonly<Record<Room, readonly string[]>> = {
  app: [],
  slo: [],
  dashboards: ['slo/'],
  infra: ['dashboards/index.ts', 'slo/'],
  policies: ['infra/'],
  loadtests: [
    'infra/evidence.ts',
    'infra/local/containers.ts',
    'infra/local/policies-file.ts',
    'infra/local/stack-file.ts',
  ],
  // The commands that tie the rooms together.
  scripts: ['infra/', 'loadtests/', 'policies/', 'slo/', 'dashboards/'],
  test: ['infra/local/'],
};

/** Packages that are at home in some rooms only. */
const packages: readonly { readonly match: RegExp; readonly rooms: readonly Room[] }[] = [
  { match: /^@pulumi/, rooms: ['infra', 'policies', 'scripts'] },
  { match: /^@grafana\//, rooms: ['dashboards', 'slo'] },
  { match: /^(fastify|@fastify\/)/, rooms: ['app'] },
  { match: /^k6(\/|$)/, rooms: ['loadtests'] },
];

const importStatement =
  /(?:^|\n)\s*(?:import|export)\s(?:type\s)?(?:[^'"`;]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Every import that crosses a boundary it must not cross, as `file: imports what`. */
export function importProblems(root: string): string[] {
  return rooms.flatMap((room) =>
    sources(join(root, room)).flatMap((file) =>
      problemsOf(room, relative(root, file).split(sep).join('/'), readFileSync(file, 'utf8')),
    ),
  );
}

/** The problems of one file, named from the repository's root. */
export function problemsOf(room: Room, file: string, source: string): string[] {
  const isTest =
    /\.test\.ts$|\/test\/|\/testing|\/fixtures\/|\/(mutants|bench|faults)\/|\/testing-child/.test(file);
  return [...source.matchAll(importStatement)].flatMap((match) => {
    const specifier = match[1] ?? match[2] ?? '';
    const typeOnly = /^\s*(?:import|export)\stype\s/.test(match[0].trimStart());
    if (!specifier.startsWith('.')) return packageProblem(room, file, specifier, isTest);
    const target = join(dirname(file), specifier).split(sep).join('/');
    if (shared.includes(file) && !typeOnly && !shared.includes(target))
      return [`${file}: is shared, and imports ${target}`];
    const other = rooms.find((candidate) => target.startsWith(`${candidate}/`));
    if (other === undefined || other === room || shared.includes(target)) return [];
    if (isTest && (other === 'test' || room !== 'app')) return [];
    return allowed[room].some((prefix) => target.startsWith(prefix))
      ? []
      : [`${file}: ${room} must not import ${target}`];
  });
}

function packageProblem(room: Room, file: string, specifier: string, isTest: boolean): string[] {
  if (shared.includes(file)) return [`${file}: is shared, and imports ${specifier}`];
  const home = packages.find(({ match }) => match.test(specifier));
  if (home === undefined || home.rooms.includes(room) || isTest) return [];
  return [`${file}: ${specifier} belongs to ${home.rooms.join(', ')}`];
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|js)$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name));
}
