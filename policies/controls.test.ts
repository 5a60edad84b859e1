import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Control, controls } from './controls/catalogue.ts';
import { outputs, withTable } from './generate.ts';
import { rules } from './rules/index.ts';
import { checks } from './verify/checks/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const all: readonly (readonly [string, Control])[] = Object.entries(controls);

test.each(all)(
  '%s names files that exist, and has a proof unless the operator is responsible',
  (id, control) => {
    const files = [...(control.code ?? []), ...(control.tests ?? [])];
    expect(files.filter((file) => !existsSync(`${root}${file}`))).toEqual([]);
    const proofs = [...rules, ...checks].filter((proof) => proof.control === id).length;
    expect(proofs > 0).toBe(control.operator !== true);
  },
);

test('rules and checks have unique names', () => {
  for (const names of [rules.map(({ name }) => name), checks.map(({ id }) => id)])
    expect(new Set(names).size).toBe(names.length);
});

test('the generated table and checklist are current', () => {
  for (const [file, text] of Object.entries(outputs()))
    expect(readFileSync(`${root}${file}`, 'utf8'), file).toBe(text);
});

test('refuses a guide without a place for the table', () => {
  expect(() => withTable('# Security')).toThrow('docs/security.md lacks <!-- generated');
});
