import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Finding, Waiver } from '../engine/rule.ts';
import { type Report, sarif, table } from './format.ts';
import { renderedResources } from './rendered.ts';

const waiver: Waiver = {
  rule: 'image-tag-fixed',
  resource: 'Deployment/a',
  environments: ['prod'],
  reason: 'the vendor has no tags',
  owner: 'platform',
  expires: '2026-12-31',
};
const finding = (change: Partial<Finding> = {}): Finding => ({
  rule: 'image-tag-fixed',
  level: 'mandatory',
  severity: 'medium',
  environment: 'prod',
  resource: 'Deployment/a',
  urn: 'urn:a',
  message: 'has no fixed tag',
  remediation: 'Give it one',
  unknown: false,
  file: null,
  waiver: null,
  ...change,
});
const report = (...findings: Finding[]): Report => ({
  source: 'program',
  environments: [{ environment: 'prod', resources: 3 }],
  rules: [],
  findings,
  idle: [waiver],
});

test('a waived finding is told with who waived it, why and until when, and asks for nothing', () => {
  const text = table(report(finding({ waiver }), finding(), finding({ level: 'advisory' })));
  expect(text).toContain(
    'has no fixed tag (waived by platform until 2026-12-31: the vendor has no tags)\nFAIL prod ',
  );
  expect(text.match(/^(waiv|FAIL|note) prod/gm)).toEqual(['waiv prod', 'FAIL prod', 'note prod']);
  expect(text).toMatch(/: 1 violations, 1 advisory, 1 waived$/);
});

test('a waiver that covers nothing any more is told', () => {
  expect(table(report())).toContain('note: the waiver of image-tag-fixed for Deployment/a covers nothing');
});

test.each<[what: string, change: Partial<Finding>, result: object]>([
  ['a violation is an error', {}, { level: 'error' }],
  ['a small one a warning', { severity: 'low' }, { level: 'warning' }],
  ['an advisory one a note', { level: 'advisory', severity: 'low' }, { level: 'note' }],
  ['a waived one is suppressed', { waiver }, { suppressions: [{ justification: waiver.reason }] }],
  [
    'one of the stack is at the program',
    { urn: null },
    {
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: 'infra/index.ts' } },
          logicalLocations: [{ fullyQualifiedName: 'prod' }],
        },
      ],
    },
  ],
  [
    'one of a manifest is at its file',
    { file: 'rendered/prod/a.yaml' },
    { locations: [{ physicalLocation: { artifactLocation: { uri: 'rendered/prod/a.yaml' } } }] },
  ],
])('SARIF: %s', (_what, change, result) => {
  const { runs } = JSON.parse(sarif(report(finding(change)))) as { runs: [{ results: object[] }] };
  expect(runs[0].results).toMatchObject([result]);
  expect('suppressions' in (runs[0].results[0] ?? {})).toBe('waiver' in change);
});

test('manifests become resources; a folder that holds none is no pass', () => {
  const root = mkdtempSync(join(tmpdir(), 'rendered-'));
  const folder = join(root, 'rendered/prod');
  mkdirSync(folder, { recursive: true });
  try {
    expect(() => renderedResources(root, 'prod')).toThrow('no manifest in rendered/prod');
    writeFileSync(join(folder, 'b.txt'), 'kind: ConfigMap');
    writeFileSync(join(folder, 'a.yaml'), '---\n---\nkind: 1\n---\napiVersion: v1\nkind: ConfigMap\n');
    expect(renderedResources(root, 'prod')).toEqual([
      {
        type: 'kubernetes:core/v1:ConfigMap',
        name: '',
        urn: 'urn:pulumi:prod::simple378::kubernetes:core/v1:ConfigMap::',
        props: { apiVersion: 'v1', kind: 'ConfigMap' },
        file: 'rendered/prod/a.yaml',
      },
    ]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
