import { EventEmitter } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, until } from '../test/support/service.ts';
import { command } from './command.ts';

// The same as main.test.ts proves from outside; here every way out is taken inside one process.

let backing: Backing;

beforeAll(async () => {
  backing = await startBacking();
});
afterAll(() => backing.stop());

class FakeProcess extends EventEmitter {
  out = '';
  readonly exits: number[] = [];
  readonly stdout = { write: (text: string) => this.#keep(text) };
  readonly stderr = { write: (text: string) => this.#keep(text) };

  exit(code: number): void {
    this.exits.push(code);
  }

  #keep(text: string): void {
    this.out += text;
  }
}

async function run(environment: Record<string, string>, ...args: string[]) {
  const host = new FakeProcess();
  const lines: string[] = [];
  await command(args, environment, host, { logTo: { write: (line) => void lines.push(line) } });
  return { host, log: () => lines.join('') };
}

test('help, wrong usage, wrong settings, right settings', async () => {
  const help = await run({}, '--help');
  expect([help.host.exits, help.host.out]).toEqual([[], expect.stringContaining('Usage:')]);
  const usage = await run({}, '--nonsense');
  expect([usage.host.exits, usage.host.out]).toEqual([[2], expect.stringContaining('--nonsense')]);
  const settings = await run({});
  expect([settings.host.exits, settings.host.out]).toEqual([
    [78],
    expect.stringContaining('TOKEN_ISSUER is missing'),
  ]);
  const checked = await run(await backing.environment(), '--check-config');
  expect([checked.host.exits, checked.host.out]).toEqual([[], expect.stringContaining('well formed')]);
});

test('a port that is taken is named; another reason is told without a stack', async () => {
  const environment = await backing.environment();
  const first = await run(environment);
  const second = await run(environment);
  expect(second.host.exits).toEqual([1]);
  expect(second.host.out).toContain(
    `Port ${environment['INTERNAL_PORT']} cannot be listened on (EADDRINUSE)`,
  );
  first.host.emit('SIGTERM');
  await until(() => first.host.exits.length > 0);
  expect(first.host.exits).toEqual([0]);
  const nowhere = await run(await backing.environment({ LISTEN_HOST: '203.0.113.1' }));
  expect(nowhere.host.exits).toEqual([1]);
  expect(nowhere.host.out).toContain('The service cannot start: ');
  expect(nowhere.host.out).not.toContain('    at ');
});

test('a second signal does not wait', async () => {
  const { host } = await run(await backing.environment({ DRAIN_SECONDS: '1', SHUTDOWN_SECONDS: '3' }));
  host.emit('SIGINT');
  host.emit('SIGTERM');
  expect(host.exits).toEqual([1]);
  await until(() => host.exits.length > 1);
});

test('an unexpected error is logged and ends the service once', async () => {
  const { host, log } = await run(await backing.environment());
  host.emit('unhandledRejection', new Error('the canary in a message'));
  host.emit('uncaughtException', new Error('another'));
  await until(() => host.exits.length > 0);
  expect(host.exits).toEqual([1]);
  expect(log().split('"event":"crashed"')).toHaveLength(3);
  expect(log()).not.toContain('canary');
});
