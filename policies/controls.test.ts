import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { controls } from './controls.ts';
import { outputs, withTable } from './generate.ts';
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

test('the generated files are current', () => {
  for (const [file, text] of Object.entries(outputs()))
    expect(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'), file).toBe(text);
});

test('a guide without a place for the table is refused', () => {
  expect(() => withTable('# Security')).toThrow('docs/security.md lacks <!-- generated');
  expect(() => withTable('<!-- end of generated --> <!-- generated: npm run generate -->')).toThrow('lacks');
});
