import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StandIns, standIns } from './stand-ins.testing.ts';

const reference = `ghcr.io/owner/name/case-service:abc@sha256:${'a'.repeat(64)}`;
let here: StandIns;
let output: string;

beforeEach(() => {
  here = standIns();
  output = join(here.folder, 'output');
});
afterEach(() => here.remove());
const run = (script: string, ...args: string[]) =>
  here.run(script, args, { GITHUB_OUTPUT: output, GITHUB_REPOSITORY: 'Owner/Name' });

test('an owner with capitals has an image, too', () => {
  expect(run('image-name.ts')).toMatchObject({ status: 0, out: 'ghcr.io/owner/name/case-service\n' });
  expect(readFileSync(output, 'utf8')).toBe('name=ghcr.io/owner/name/case-service\n');
});

test('a signed image is handed on, and one that is not is not', () => {
  here.tool('cosign', '');
  expect(run('image-sign.ts', reference).status).toBe(0);
  expect(here.calls()).toEqual([`cosign sign --yes ${reference}`]);
  expect(readFileSync(output, 'utf8')).toBe(`reference=${reference}\n`);
});

test('without a signature, or a digest, nothing is handed on', () => {
  here.tool('cosign', 'exit 1');
  expect(run('image-sign.ts', reference).status).toBe(1);
  expect(run('image-sign.ts', 'ghcr.io/owner/name/case-service:abc').status).toBe(2);
  expect(here.calls()).toEqual([]);
  expect(existsSync(output)).toBe(false);
});

test('an image is verified by signature and by provenance', () => {
  here.tool('cosign', '');
  here.tool('gh', '');
  expect(run('image-verify.ts', reference).status).toBe(0);
  const [signature, provenance] = here.calls();
  expect(signature).toContain(
    '--certificate-identity https://github.com/Owner/Name/.github/workflows/deploy.yml',
  );
  expect(provenance).toContain(`gh attestation verify oci://${reference} --repo Owner/Name`);
  here.tool('gh', 'exit 1');
  expect(run('image-verify.ts', reference).status).toBe(1);
});

test.each([
  ['has no signature', 10, 1],
  ['has none that matches', 12, 1],
  ['could not be asked about: the registry is away', 1, 2],
])('an image that %s', (_, cosign, expected) => {
  here.tool('cosign', `exit ${cosign}`);
  here.tool('gh', '');
  expect(run('image-verify.ts', reference).status).toBe(expected);
});
