import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { rawSettings } from './load.ts';
import { writeStackSettings } from './stack-settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'stack-file-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'Pulumi.local-trial.yaml');
const config = () => (parse(readFileSync(file, 'utf8')) as { config: Record<string, unknown> }).config;

test('writes the settings of an environment with changes where there is no file', () => {
  writeStackSettings(file, 'local', { 'app.replicas': 3 });
  const expected = Object.entries(rawSettings('local', { 'app.replicas': 3 }));
  expect(config()).toEqual(Object.fromEntries(expected.map(([key, value]) => [`simple378:${key}`, value])));
  // Pulumi would take it for a time, as YAML 1.1 does.
  expect(readFileSync(file, 'utf8')).toContain('"active": "2026-11-01"');
});

test("keeps a stack's secrets and what Pulumi keeps, and no setting that is gone", () => {
  const secret = { secure: 'v1:sealed' };
  const before = { ...config(), 'simple378:receiver-page': secret, 'simple378:gone': 1 };
  writeFileSync(file, stringify({ encryptionsalt: 'v1:salt', config: before }));
  writeStackSettings(file, 'local');
  expect(parse(readFileSync(file, 'utf8'))).toMatchObject({ encryptionsalt: 'v1:salt' });
  expect(config()).toMatchObject({ 'simple378:receiver-page': secret, 'simple378:app': { replicas: 2 } });
  expect(config()).not.toHaveProperty(['simple378:gone']);
});
