import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { execFileSync } from './programs/child-process.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What a CommonJS script prints that runs after the preload. */
const printed = (script: string): string =>
  execFileSync(process.execPath, ['--no-warnings', '--require', './infra/preload.cjs', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
  }).trim();

/** The packages of which modules are loaded; the stand-ins of two have no children. */
const loaded = `Object.values(require.cache).filter(({ children }) => children.length > 0).map(({ id }) => id).join('\\n')`;

test('what serialises functions is not loaded with Pulumi', () => {
  const modules = printed(`require('@pulumi/pulumi'); console.log(${loaded})`);
  expect(modules).toMatch(/@pulumi\/pulumi\/runtime\/closure\/codePaths\.js/);
  expect(modules).not.toMatch(/arborist/);
});

test('and is there when a function is to be serialised', () => {
  const text = printed(`
    const pulumi = require('@pulumi/pulumi');
    const add = (a, b) => a + b;
    pulumi.runtime.serializeFunction(add).then(({ text }) => console.log(text));`);
  expect(text).toContain('(a, b) => a + b');
  expect(printed(`require('@pulumi/pulumi'); console.log(typeof require('@npmcli/arborist').Arborist)`)).toBe(
    'function',
  );
  expect(printed(`require('@pulumi/pulumi'); console.log(require('typescript').version)`)).toMatch(
    /^\d+\.\d+\.\d+$/,
  );
});
