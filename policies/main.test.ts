import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { environments } from '../infra/settings/environments.ts';
import { changedStack } from './fixtures/change.ts';
import { compliantStack } from './fixtures/stack.ts';
import { main } from './main.ts';

const stack = vi.hoisted(() => ({ resources: [] as readonly unknown[] }));
vi.mock('../infra/evaluate.ts', () => ({ evaluate: () => Promise.resolve({ resources: stack.resources }) }));

const folder = mkdtempSync(join(tmpdir(), 'policies-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function run(resources: readonly unknown[], ...argv: string[]): Promise<[code: number, text: string]> {
  stack.resources = resources;
  const lines: string[] = [];
  const code = await main(argv, (line) => lines.push(line));
  return [code, lines.join('\n')];
}

const uidZero = changedStack({
  at: 'Deployment/case-service',
  path: 'spec.template.spec.securityContext.runAsUser',
  value: 0,
});

test('a stack that holds: exit 0 and a summary of what was judged', async () => {
  const [code, text] = await run(compliantStack());
  expect(code).toBe(0);
  expect(text).toMatch(
    /rules over the program \(resources: local \d+, dev \d+, staging \d+, prod \d+\): 0 violations/,
  );
});

test('a stack that does not: exit 1, the finding and its remedy', async () => {
  const [code, text] = await run(uidZero, 'prod');
  expect(code).toBe(1);
  expect(text).toContain('FAIL prod     high     pod-runs-as-non-root  Deployment/case-service');
  expect(text).toContain('→ Set runAsNonRoot');
});

test('advisory findings are said and pass', async () => {
  const plain = changedStack({
    at: 'PersistentVolumeClaim/backup',
    path: 'spec.storageClassName',
    value: 'a',
  });
  const [code, text] = await run(plain, 'dev');
  expect(code).toBe(0);
  expect(text).toContain('note dev      high     storage-encrypted');
});

test('JSON and SARIF hold the findings, for every environment asked for', async () => {
  const [, text] = await run(uidZero, '--json');
  const report = JSON.parse(text) as { findings: { environment: string; rule: string }[] };
  const found = report.findings.filter(({ rule }) => rule === 'pod-runs-as-non-root');
  expect(found.map(({ environment }) => environment)).toEqual(environments);
  const file = join(folder, 'policies.sarif');
  const [code] = await run(uidZero, 'staging', '--sarif', '--output', file);
  expect(code).toBe(1);
  const sarif = JSON.parse(readFileSync(file, 'utf8')) as {
    version: string;
    runs: { results: { level: string }[] }[];
  };
  expect(sarif.version).toBe('2.1.0');
  expect(sarif.runs[0]?.results).toContainEqual(
    expect.objectContaining({ ruleId: 'pod-runs-as-non-root', level: 'error' }),
  );
});

test.each([
  [['--unknown'], /Unknown option/],
  [['production'], /there is no Pulumi\.production\.yaml/],
  [['--json', '--sarif'], /exclude each other/],
])('wrong usage %j: exit 2 and why', async (argv, says) => {
  const [code, text] = await run([], ...argv);
  expect(code).toBe(2);
  expect(text).toMatch(says);
});

test('--rendered judges the committed manifests', async () => {
  const [code, text] = await run([], 'staging', '--rendered', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(text)).toMatchObject({
    source: 'rendered manifests',
    environments: [{ environment: 'staging' }],
  });
});

test('--help prints the usage', async () => {
  const [code, text] = await run([], '--help');
  expect(code).toBe(0);
  expect(text).toContain('exit code: 0');
});
