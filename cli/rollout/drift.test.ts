import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type StandIns, standIns, stateWith } from './stand-ins.testing.ts';

const tracked = new URL('../../Pulumi.staging.yaml', import.meta.url);
const released = `ghcr.io/owner/name/case-service:abc@sha256:${'a'.repeat(64)}`;
let here: StandIns;

// In place of Pulumi: it keeps the settings that a preview is asked to use, and finds what the test says.
beforeEach(() => {
  here = standIns();
  here.tool(
    'pulumi',
    `case "$1 $2" in
       "stack export") cat "$folder/state.json";;
       "preview --refresh")
         while [ "$1" != --config-file ]; do shift; done
         cp "$2" "$folder/settings.yaml"; cat "$folder/preview.json";;
     esac`,
  );
  file('state.json', stateWith(released));
  file('preview.json', { steps: [] });
});
afterEach(() => here.remove());

function file(name: string, content: object) {
  writeFileSync(join(here.folder, name), JSON.stringify(content));
}
const settings = (text: string) => (parse(text) as { config: Record<string, { image: string }> }).config;
const used = () => settings(readFileSync(join(here.folder, 'settings.yaml'), 'utf8'));

test('the released image is no drift, and the tracked settings stay as they are', () => {
  const before = readFileSync(tracked, 'utf8');
  expect(here.run(['env', 'drift', 'staging'])).toMatchObject({
    status: 0,
    out: expect.stringContaining('None'),
  });
  const config = settings(before);
  expect(used()).toEqual({ ...config, 'simple378:app': { ...config['simple378:app'], image: released } });
  expect(readFileSync(tracked, 'utf8')).toBe(before);
});

test('what differs is drift; an environment that runs nothing is compared with its file', () => {
  file('state.json', { deployment: {} });
  const urn = 'urn:pulumi:staging::simple378::kubernetes:core/v1:Service::redis';
  file('preview.json', { steps: [{ op: 'create', urn }] });
  const summary = join(here.folder, 'summary.md');
  const { status, out } = here.run(['env', 'drift', 'staging'], { GITHUB_STEP_SUMMARY: summary });
  expect(status).toBe(1);
  expect(out).toContain('| create | `kubernetes:core/v1:Service redis` |');
  expect(readFileSync(summary, 'utf8')).toContain('### Drift of staging');
  expect(used()).toEqual(settings(readFileSync(tracked, 'utf8')));
});

test('a Pulumi that fails could not compare, and says why', () => {
  here.tool('pulumi', 'echo "error: not logged in" >&2; exit 255');
  expect(here.run(['env', 'drift', 'staging'])).toMatchObject({
    status: 2,
    errors: expect.stringContaining('not logged in'),
  });
  // What the CLI does with --json: nothing on standard error.
  const diagnostics = [
    { severity: 'warning', message: 'beside it' },
    { severity: 'error', message: 'error: unreachable cluster\n' },
  ];
  file('preview.json', { diagnostics });
  here.tool('pulumi', '[ $1 = stack ] || { cat "$folder/preview.json"; exit 1; }; cat "$folder/state.json"');
  expect(here.run(['env', 'drift', 'staging'])).toMatchObject({
    status: 2,
    errors: 'simple378 env drift: pulumi preview --refresh: error: unreachable cluster\n',
  });
});
