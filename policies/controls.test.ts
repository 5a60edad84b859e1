import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { controls } from './controls.ts';
import { main, withTable } from './generate.ts';
import { rules } from './rules/index.ts';
import { checks } from './verify/checks/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string =>
  existsSync(`${root}${file}`) ? readFileSync(`${root}${file}`, 'utf8') : '';
const proven = controls.filter(({ holder }) => holder === 'proven');

test('controls have unique ids, and those of the operator claim nothing', () => {
  expect(new Set(controls.map(({ id }) => id)).size).toBe(controls.length);
  for (const { id, holder, proofs } of controls) {
    expect(id).toMatch(/^[A-Z]{3}-\d+$/);
    const claims = Object.values(proofs).flat().length;
    expect(claims > 0, id).toBe(holder === 'proven');
  }
});

test.each(proven)('$id: every proof that it claims exists', ({ proofs }) => {
  const known = new Set(checks.map(({ id }) => id));
  for (const id of proofs.live ?? []) expect(known, `live check ${id}`).toContain(id);
  for (const { file, text } of proofs.guards ?? [])
    expect(read(file).includes(text), `${file} holds ${text}`).toBe(true);
  for (const { file, name } of proofs.tests ?? [])
    expect(read(file).includes(name), `${file} has the test ${name}`).toBe(true);
});

test('every rule and every live check belongs to a control', () => {
  const claimed = new Set<string>(
    proven.flatMap(({ proofs }) => [...(proofs.rules ?? []), ...(proofs.live ?? [])]),
  );
  const orphans = [...rules.map(({ name }) => name), ...checks.map(({ id }) => id)].filter(
    (id) => !claimed.has(id),
  );
  expect(orphans).toEqual([]);
});

test('what is generated from the catalogue is current', () => {
  const said: string[] = [];
  expect(
    main(['--check'], (text) => said.push(text)),
    said.join(),
  ).toBe(0);
});

test('without --check nothing is written that is current', () => {
  expect(main([], () => {})).toBe(0);
});

test('wrong usage of the generator: exit 2', () => {
  expect(main(['--nothing'], () => {})).toBe(2);
  expect(main(['--help'], () => {})).toBe(0);
});

test('a stale file is said with --check, and written without', () => {
  const folder = mkdtempSync(join(tmpdir(), 'generate-'));
  const file = join(folder, 'list.md');
  writeFileSync(file, 'old');
  const said: string[] = [];
  const run = (...argv: string[]): number =>
    main(
      argv,
      (text) => said.push(text),
      () => [{ file, text: 'new' }],
    );
  try {
    expect([run('--check'), readFileSync(file, 'utf8')]).toEqual([1, 'old']);
    expect([run(), readFileSync(file, 'utf8')]).toEqual([0, 'new']);
    expect(run('--check')).toBe(0);
    expect(said).toEqual([`${file} is stale: npm run generate`, `wrote ${file}`]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a guide without a place for the table: exit 2 and what it lacks', () => {
  const said: string[] = [];
  const generated = () => [{ file: 'docs/security.md', text: withTable('# Security') }];
  expect(main(['--check'], (text) => said.push(text), generated)).toBe(2);
  expect(said.join()).toMatch(/docs\/security\.md lacks <!-- generated/);
  expect(() => withTable('<!-- end of generated --> <!-- generated: npm run generate -->')).toThrow('lacks');
});
