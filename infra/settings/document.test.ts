import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { generated } from '../generated-files.ts';
import { configurationSchema, settingsDocument } from './document.ts';
import { environments } from './environments.ts';

const file = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

describe('the JSON schema for editors', () => {
  const validate = new Ajv2020({ strict: false }).compile(configurationSchema());

  test.each(environments)('accepts Pulumi.%s.yaml as it is', (environment) => {
    expect(validate(parse(file(`Pulumi.${environment}.yaml`))), JSON.stringify(validate.errors)).toBe(true);
  });

  test('refuses a wrong value, an unknown key and a missing one', () => {
    const config = (parse(file('Pulumi.dev.yaml')) as { config: Record<string, unknown> }).config;
    expect(validate({ config: { ...config, 'simple378:redis': { mode: 'cluster' } } })).toBe(false);
    expect(validate({ config: { ...config, 'simple378:colour': 'red' } })).toBe(false);
    expect(validate({ config: { ...config, 'simple378:app': {} } })).toBe(false);
  });

  test('leaves secrets and the configuration of others alone', () => {
    const config = { 'simple378:receiver-pager': { secure: 'v1:…' }, 'kubernetes:context': 'a' };
    expect(validate({ config, encryptionsalt: 'v1:…' })).toBe(true);
  });
});

test('the document names every setting of every environment', () => {
  const text = settingsDocument();
  for (const environment of environments) {
    const { config } = parse(file(`Pulumi.${environment}.yaml`)) as { config: Record<string, object> };
    for (const [key, value] of Object.entries(config)) {
      const name = key.replace('simple378:', '');
      const nested = typeof value === 'object' && !Array.isArray(value);
      const keys = nested ? Object.keys(value).map((inner) => `${name}.${inner}`) : [name];
      for (const one of keys) expect(text).toContain(`\`${one}`);
    }
  }
});

test('what is committed is current', () => {
  for (const [path, content] of Object.entries(generated())) expect(file(path), path).toBe(content);
});
