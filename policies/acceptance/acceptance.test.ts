import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { acceptance, evidenceOf, main } from './generate.ts';
import { points } from './points.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scripts = (
  JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> }
).scripts;

test('the list has its 58 points, each once and shown somehow', () => {
  expect(points.map(({ number }) => number)).toEqual(Array.from({ length: 58 }, (_, index) => index + 1));
  for (const { number, tests = [], evidence = [], elsewhere } of points)
    expect(tests.length + evidence.length + (elsewhere ? 1 : 0), `point ${number}`).toBeGreaterThan(0);
});

test.each(points)('$number: $claim', ({ tests = [], evidence = [], elsewhere }) => {
  for (const [file, name] of tests) {
    const text = existsSync(`${root}${file}`) ? readFileSync(`${root}${file}`, 'utf8') : '';
    expect(text.includes(name), `${file} has the test "${name}"`).toBe(true);
    const line = text.split('\n').find((one) => one.includes(name)) ?? '';
    expect(line, `${file}: "${name}" is not skipped`).not.toMatch(/\.(skip|todo|only)\b/);
  }
  for (const name of evidence) expect(evidenceOf(name)?.passed, `docs/evidence/${name}.json`).toBe(true);
  if (elsewhere) {
    expect(scripts, 'a command of package.json').toHaveProperty([elsewhere.command]);
    expect(elsewhere.why.length).toBeGreaterThan(15);
  }
});

test('docs/acceptance.md is current', () => {
  const said: string[] = [];
  expect(
    main(['--check'], (text) => said.push(text)),
    said.join(),
  ).toBe(0);
});

test('a tool that was not asked yet is said to be so', () => {
  const point = { number: 1, claim: 'a claim', evidence: ['nothing'] };
  expect(acceptance([point])).toContain('nothing: not asked yet');
  expect(evidenceOf('nothing')).toBeNull();
  expect(main([], () => {})).toBe(0);
});

test('wrong usage of the generator: exit 2', () => {
  expect(main(['--nothing'], () => {})).toBe(2);
  expect(main(['--help'], () => {})).toBe(0);
});
