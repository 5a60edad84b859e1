import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StandIns, standIns, stateWith } from './stand-ins.testing.ts';

/** No environment of the repository, so that the note of a real one is not touched. */
const environment = `trial-${process.pid}`;
const image = (letter: string) => `ghcr.io/owner/name/case-service:1@sha256:${letter.repeat(64)}`;
const note = fileURLToPath(new URL(`../../.local/releases/${environment}.json`, import.meta.url));
let here: StandIns;

beforeEach(() => {
  here = standIns();
  here.tool('pulumi', '[ "$1 $2" != "stack export" ] || cat "$folder/state.json"');
  here.inner('');
  runs(image('a'));
});
afterEach(() => {
  here.remove();
  rmSync(note, { force: true });
});
const runs = (running: string) =>
  writeFileSync(join(here.folder, 'state.json'), JSON.stringify(stateWith(running)));
const release = (...args: string[]) =>
  here.run(['env', 'release', environment, ...args], { GITHUB_OUTPUT: join(here.folder, 'output') });

test('writes down the running image, and rolls back to it', () => {
  expect(release('--remember').status).toBe(0);
  expect(readFileSync(join(here.folder, 'output'), 'utf8')).toBe(`image=${image('a')}\n`);
  runs(image('b'));
  expect(release('--rollback').status).toBe(0);
  expect(here.calls()).toEqual([
    `pulumi config set --stack ${environment} --path simple378:app.image ${image('a')} --non-interactive`,
    `simple378 env up ${environment} --yes`,
  ]);
});

test('fails when another release replaced the image', () => {
  expect(release('--runs', image('a')).status).toBe(0);
  expect(release('--runs', image('b'))).toMatchObject({
    status: 1,
    out: `${environment} runs ${image('a')}, not ${image('b')}\n`,
  });
  expect(here.calls()).toHaveLength(1);
});

test('refuses a tag without a digest, and several options at once', () => {
  expect(release('--image', 'case-service:latest').status).toBe(2);
  expect(release('--rollback').errors).toContain('there is nothing to go back to');
  expect(release('--remember', '--rollback').status).toBe(2);
  expect(release().status).toBe(2);
  expect(here.calls()).toEqual([]);
  here.inner('exit 1');
  expect(release('--image', image('b')).status).toBe(1);
});
