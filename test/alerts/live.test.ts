import { once } from 'node:events';
import { createServer } from 'node:http';
import { request } from 'undici';
import { expect, it } from 'vitest';
import { main } from './main.ts';
import { startReceiver } from './receiver.ts';
import { scenarios } from './scenarios.ts';
import { startServer } from './servers.ts';

it('the receiver keeps what it is told, by receiver, and waits for what comes', async () => {
  const receiver = await startReceiver();
  const since = Date.now();
  const alert = { status: 'firing', labels: { alertname: 'RedisDown' }, annotations: {} };
  const waiting = receiver.waitFor('RedisDown', since, 10);
  const body = JSON.stringify({ alerts: [alert, { ...alert, status: 'resolved' }] });
  await (await request(`${receiver.url}/critical`, { method: 'POST', body })).body.dump();
  expect(await waiting).toMatchObject({ receiver: 'critical', together: 2 });
  expect(await receiver.waitFor('Other', since, 0.1)).toBeNull();
  await receiver.stop();
});

it('a program that ends, or does not exist, is reported with its last words', async () => {
  await expect(startServer('prometheus', ['--no-such-flag'], 'http://127.0.0.1:1')).rejects.toThrow(
    'no-such-flag',
  );
  await expect(startServer('no-such-program', [], 'http://127.0.0.1:1')).rejects.toThrow('ENOENT');
});

it('a program that answers is started and stopped', async () => {
  const ready = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await once(ready, 'listening');
  const { port } = ready.address() as { port: number };
  const server = await startServer('sleep', ['60'], `http://127.0.0.1:${port}`);
  await server.stop();
  expect(server.process.signalCode).toBe('SIGTERM');
  ready.close();
  ready.closeAllConnections();
});

it('the command explains itself, and refuses a scenario that is none', async () => {
  const lines: string[] = [];
  const run = (...args: string[]) => main({ args, print: (line) => lines.push(line) });
  expect(await run('--help')).toBe(0);
  for (const { name } of scenarios) expect(lines.join()).toContain(name);
  expect(await run('--only', 'earthquake')).toBe(2);
  expect(lines.at(-1)).toContain('must be one of');
});
