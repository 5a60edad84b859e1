import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { evidenceOf } from '../../infra/evidence.ts';
import { acceptance, main } from './generate.ts';
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

test('a tool that found something is said to have failed', () => {
  const point = { number: 1, claim: 'a claim', evidence: ['tool'] };
  const said = {
    tool: 'tool',
    version: '1',
    date: '2026-01-02',
    expects: 'no hole',
    passed: false,
    summary: '2 holes',
    findings: ['a hole', 'another'],
    accepted: [],
  };
  expect(acceptance([point], () => said)).toContain('FAILED 2026-01-02: 2 holes |');
});

test('a list that is missing or stale is said with --check, and written without', () => {
  const folder = mkdtempSync(join(tmpdir(), 'acceptance-'));
  const file = join(folder, 'acceptance.md');
  const said: string[] = [];
  const run = (...argv: string[]): number => main(argv, (text) => said.push(text), file);
  try {
    expect([run('--check'), existsSync(file)]).toEqual([1, false]);
    writeFileSync(file, 'of yesterday');
    expect([run('--check'), readFileSync(file, 'utf8')]).toEqual([1, 'of yesterday']);
    expect([run(), readFileSync(file, 'utf8')]).toEqual([0, acceptance()]);
    expect(run('--check')).toBe(0);
    const stale = 'docs/acceptance.md is stale: npm run generate:acceptance';
    expect(said).toEqual([stale, stale, 'wrote docs/acceptance.md']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
