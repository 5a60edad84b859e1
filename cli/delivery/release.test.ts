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
  here.tool('npm', '');
  runs(image('a'));
});
afterEach(() => {
  here.remove();
  rmSync(note, { force: true });
});
const runs = (running: string) =>
  writeFileSync(join(here.folder, 'state.json'), JSON.stringify(stateWith(running)));
const release = (...args: string[]) =>
  here.run('release.ts', [environment, ...args], { GITHUB_OUTPUT: join(here.folder, 'output') });

test('what runs is noted and handed on; going back brings it up', () => {
  expect(release('--remember').status).toBe(0);
  expect(readFileSync(join(here.folder, 'output'), 'utf8')).toBe(`image=${image('a')}\n`);
  runs(image('b'));
  expect(release('--rollback').status).toBe(0);
  expect(here.calls()).toEqual([
    `pulumi config set --stack ${environment} --path simple378:app.image ${image('a')} --non-interactive`,
    `npm run up -- ${environment} --yes`,
  ]);
});

test('whether an image runs, as another release may have come in between', () => {
  expect(release('--runs', image('a')).status).toBe(0);
  expect(release('--runs', image('b'))).toMatchObject({
    status: 1,
    out: `${environment} runs ${image('a')}, not ${image('b')}\n`,
  });
  expect(here.calls()).toHaveLength(1);
});

test('nothing is brought up by a tag, or without one question at a time', () => {
  expect(release('--image', 'case-service:latest').status).toBe(2);
  expect(release('--rollback').errors).toContain('there is nothing to go back to');
  expect(release('--remember', '--rollback').status).toBe(2);
  expect(release().status).toBe(2);
  expect(here.calls()).toEqual([]);
  here.tool('npm', 'exit 1');
  expect(release('--image', image('b')).status).toBe(1);
});
