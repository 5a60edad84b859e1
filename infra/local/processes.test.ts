import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Component, Supervisor, type SupervisorEvents } from './processes.ts';
import { isAlive } from './stack-file.ts';

let folder: string;
let events: string[];
let supervisor: Supervisor;
const noting: SupervisorEvents = {
  line: () => undefined,
  ready: (component, _ms, restarted) => events.push(`${component} ${restarted ? 'is back' : 'ready'}`),
  crashed: (component, how, again, lastLines) =>
    events.push(`${component} ended by ${how}${again ? '' : `, given up: ${lastLines.join(' ')}`}`),
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'supervisor-'));
  events = [];
  supervisor = new Supervisor(noting);
});
afterEach(async () => {
  await supervisor.stop();
  // What was killed may still be writing its last line.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A shell script as a component; it serves once its file is there. */
function component(name: string, script: string, graceMs = 5_000): Component {
  const marker = join(folder, `${name}.up`);
  return {
    name,
    command: ['/bin/sh', '-c', script.replaceAll('UP', `"${marker}"`).replaceAll('DIR', `"${folder}"`)],
    env: { PATH: process.env['PATH'] ?? '' },
    logFile: join(folder, `${name}.log`),
    isReady: async () => existsSync(marker),
    graceMs,
  };
}
const serve = ': >UP; while :; do sleep 0.05; done';
const ended = (name: string) => `trap 'echo ${name} >>DIR/ended; exit 0' TERM; ${serve}`;

test('starts in order, and ends in the reverse order', async () => {
  await supervisor.start(component('first', ended('first')));
  await supervisor.start(component('second', ended('second')));
  expect(events).toEqual(['first ready', 'second ready']);
  const pids = Object.values(supervisor.pids);
  await supervisor.stop();
  expect(readFileSync(join(folder, 'ended'), 'utf8')).toBe('second\nfirst\n');
  expect(pids.map(isAlive)).toEqual([false, false]);
  expect(events).toHaveLength(2);
});

test('clears what a killed component leaves, before each start and after a kill', async () => {
  const stubborn = component('one', `trap '' TERM; ${serve}`, 100);
  const log = join(folder, 'cleared');
  // Without the marker of the run before: it serves only when it ignores the signal again.
  const script = `rm -f "${join(folder, 'one.up')}"; echo cleared >>"${log}"; exit 1`;
  await supervisor.start({ ...stubborn, clear: ['/bin/sh', '-c', script] });
  expect(readFileSync(log, 'utf8')).toBe('cleared\n');
  process.kill(supervisor.pids['one'] ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(events.at(-1)).toBe('one is back'), 10_000);
  expect(readFileSync(log, 'utf8')).toBe('cleared\ncleared\n');
  await supervisor.stop();
  expect(readFileSync(log, 'utf8')).toBe('cleared\ncleared\ncleared\n');
});

test('clears what a component left that is not up again when all is stopped', async () => {
  const log = join(folder, 'cleared');
  const clear = ['/bin/sh', '-c', `echo cleared >>"${log}"`];
  await supervisor.start({ ...component('one', serve), clear });
  process.kill(supervisor.pids['one'] ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(events).toHaveLength(2), 5_000);
  await supervisor.stop();
  expect(readFileSync(log, 'utf8')).toBe('cleared\ncleared\n');
});

test('ends what came back and does not serve, before it is started again', { timeout: 60_000 }, async () => {
  supervisor = new Supervisor(noting, 500);
  const { isReady, ...rest } = component('mute', 'echo $$ >>DIR/pids; : >UP; while :; do sleep 0.05; done');
  const pids = () => readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n').map(Number);
  let mute = false;
  await supervisor.start({ ...rest, isReady: async () => !mute && (await isReady()) });
  mute = true;
  process.kill(supervisor.pids['mute'] ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(pids().length).toBeGreaterThan(2), 30_000);
  expect(pids().slice(0, -1).map(isAlive)).toEqual(
    pids()
      .slice(1)
      .map(() => false),
  );
  expect(events).toContain('mute ended by did not come back');
});

test('brings back what was killed', async () => {
  await supervisor.start(component('one', serve));
  const { one } = supervisor.pids;
  process.kill(one ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(events.at(-1)).toBe('one is back'), 10_000);
  expect(events).toEqual(['one ready', 'one ended by SIGKILL', 'one is back']);
  expect(supervisor.pids['one']).not.toBe(one);
});

test('gives up after five restarts, with the last lines', { timeout: 60_000 }, async () => {
  // Serves for as long as it takes to be seen, then falls.
  await supervisor.start(component('weak', 'echo out of luck; : >UP; sleep 0.1; exit 3'));
  await vi.waitFor(() => expect(events.at(-1)).toMatch(/given up: .*out of luck/), 50_000);
  expect(events.filter((event) => event.startsWith('weak ended'))).toHaveLength(6);
});

test('a component that never serves fails the start with what it said', async () => {
  await expect(supervisor.start(component('broken', 'echo bad setting >&2; exit 1'))).rejects.toThrow(
    /broken ended \(exit 1\):[\s\S]*bad setting/,
  );
  await expect(
    supervisor.start({ ...component('absent', ''), command: ['/nonexistent/program'] }),
  ).rejects.toThrow(/ENOENT/);
});

test('kills what does not end in time, with its children', async () => {
  await supervisor.start(component('deaf', `trap '' TERM; sleep 600 & echo $! >DIR/child; ${serve}`, 200));
  const child = Number(readFileSync(join(folder, 'child'), 'utf8'));
  await supervisor.stop();
  await vi.waitFor(() => {
    // A killed child that nobody waited for yet is a zombie: dead all the same.
    const state = existsSync(`/proc/${child}/stat`)
      ? readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1]?.[0]
      : 'gone';
    expect(['Z', 'X', 'gone']).toContain(state);
  }, 5_000);
});

test('restarts nothing once it stops', async () => {
  await supervisor.start(component('one', serve));
  process.kill(supervisor.pids['one'] ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(events).toHaveLength(2), 5_000);
  await supervisor.stop();
  expect(supervisor.pids).toEqual({});
  expect(events).toEqual(['one ready', 'one ended by SIGKILL']);
});
