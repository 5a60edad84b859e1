import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { execFileSync } from '../infra/programs/child-process.ts';
import { advisories, unwanted } from './advisories.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Lockfile {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly version?: string;
        readonly integrity?: string;
        readonly link?: boolean;
        readonly dev?: boolean;
      }
    >
  >;
}
const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as Lockfile;
const installed = Object.entries(packages).map(([path, entry]) => ({
  ...entry,
  path,
  name: path.replace(/^.*node_modules\//, ''),
}));

test.each(
  advisories.map((one) => [`${one.package} is ${one.floor} or newer (${one.ids.join(', ')})`, one] as const),
)('%s', (_title, { package: name, floor }) => {
  for (const { version = '', path } of installed.filter((one) => one.name === name))
    expect(atLeast(version, floor), `${path} is ${version}`).toBe(true);
});

test('the floor test can fail', () => {
  expect(atLeast('5.12.0', '5.12.1')).toBe(false);
  expect(atLeast('5.2.10', '5.12.1')).toBe(false);
  expect(atLeast('6.0.0', '5.12.1')).toBe(true);
  expect(installed.some(({ name }) => name === 'fastify')).toBe(true);
});

test.each(unwanted)('%s is not installed: %s', (name) => {
  expect(installed.filter((one) => one.name === name && !one.dev).map(({ path }) => path)).toEqual([]);
});

test('every package of the lockfile has a checksum', () => {
  const without = installed.filter(
    ({ path, link, integrity }) => path.includes('node_modules/') && !link && !integrity,
  );
  expect(without.map(({ path }) => path)).toEqual([]);
});

test('a CycloneDX bill of materials of what the image holds can be written', () => {
  const text = execFileSync(
    'npm',
    ['sbom', '--workspace', 'app', '--omit', 'dev', '--sbom-format', 'cyclonedx', '--package-lock-only'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const bill = JSON.parse(text) as { bomFormat: string; components: { name: string }[] };
  expect(bill.bomFormat).toBe('CycloneDX');
  const names = bill.components.map(({ name }) => name);
  expect(names).toContain('fastify');
  expect(names).not.toContain('vitest');
});

test('every action of the workflows is pinned by its commit', () => {
  const folder = `${root}.github/workflows`;
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const uses = files.flatMap((file) =>
    [...readFileSync(`${folder}/${file}`, 'utf8').matchAll(/uses:\s*(\S+)/g)].map(([, name]) => name ?? ''),
  );
  expect(uses.length).toBeGreaterThan(0);
  expect(uses.filter((name) => !/@[0-9a-f]{40}$/.test(name) && !name.startsWith('./'))).toEqual([]);
});

function atLeast(version: string, floor: string): boolean {
  const [have, want] = [version, floor].map((text) => text.split(/[.-]/).slice(0, 3).map(Number));
  for (const [index, part] of (want ?? []).entries()) {
    const difference = (have?.[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
