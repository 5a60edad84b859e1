import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { readPoliciesFile } from './policies-file.ts';

test('no file means the default policies; a good file its own', () => {
  expect(readPoliciesFile(null)).toBe(defaultPolicies);
  const own = defaultPolicies.map((policy) => ({ ...policy, quota: 70 }));
  expect(read(JSON.stringify(own))).toEqual(own);
});

test('all that is wrong with a file is said at once, under its name', () => {
  const [first, ...rest] = defaultPolicies;
  const wrong = [{ ...first, quota: 0 }, { ...first, scope: 'planet' }, ...rest];
  expect(() => read(JSON.stringify(wrong))).toThrow(
    /policies\.json:\n.*quota is 0.*\n(.*\n)*.*scope is "planet"/,
  );
  expect(() => read(JSON.stringify(rest.slice(1)))).toThrow(/no policy "default".*\n.*no policy "intensive"/);
});

test('what is no list of policies, or is not there, says so', () => {
  expect(() => read('{"a":1}')).toThrow('must be a list of 1 to 32');
  expect(() => read('[')).toThrow('must be a JSON list of policies');
  expect(() => readPoliciesFile('/nowhere/policies.json')).toThrow('/nowhere/policies.json');
});

function read(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'policies-'));
  try {
    writeFileSync(join(folder, 'policies.json'), text);
    return readPoliciesFile(join(folder, 'policies.json'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
