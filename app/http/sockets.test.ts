import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../test/support/service.ts';
import { keepSockets, type SocketKeeper } from './sockets.ts';

/** A server of three sockets, whose answers are held back until they are released. */
let server: ReturnType<typeof createServer>;
let held: ServerResponse[];
let keeper: SocketKeeper;
let accepted: number;
const opened: Socket[] = [];

beforeEach(async () => {
  held = [];
  accepted = 0;
  server = createServer((_request, response) => void held.push(response));
  keeper = keepSockets(server, 3);
  server.on('connection', () => {
    accepted += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
  server.close();
});

async function open(): Promise<Socket> {
  const before = accepted;
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  opened.push(socket);
  await until(() => accepted > before);
  return socket;
}

async function ask(socket: Socket): Promise<void> {
  const before = held.length;
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => held.length > before);
}

/** Answers what is held back, and waits until the sockets are idle again. */
async function answer(): Promise<void> {
  const responses = held.splice(0);
  for (const response of responses) response.end();
  await until(() => responses.every(({ closed }) => closed));
}

const closed = (...sockets: Socket[]): Promise<void> =>
  until(() => sockets.every((socket) => socket.destroyed));

test('one too many closes the oldest that never asked, and the newcomer is served', async () => {
  const [first, second, third] = [await open(), await open(), await open()];
  await ask(first);
  const newcomer = await open();
  await closed(second);
  expect([first, third, newcomer].map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
  await ask(newcomer);
  await answer();
});

test('where all have asked, the one that has been idle for longest goes', async () => {
  const sockets = [await open(), await open(), await open()];
  const [first, second, third] = sockets as [Socket, Socket, Socket];
  for (const socket of [second, first, third]) {
    await ask(socket);
    await answer();
  }
  // Asked again, it is the one used last.
  await ask(second);
  await answer();
  const newcomer = await open();
  await closed(first);
  expect([second, third, newcomer].map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
});

test('an answer is never cut for a newcomer, and of two requests on one socket both are waited for', async () => {
  const sockets = [await open(), await open(), await open()];
  for (const socket of sockets) await ask(socket);
  (sockets[0] as Socket).write('GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await closed(await open());
  held.shift()?.end();
  await until(() => held.length > 2);
  await closed(await open());
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
  keeper.cut();
  await closed(...sockets);
});

test('draining closes sockets without a request, and the others after their answer', async () => {
  const [silent, idle, busy] = [await open(), await open(), await open()];
  await ask(idle);
  await answer();
  await ask(busy);
  keeper.drain();
  await closed(silent, idle);
  expect(busy.destroyed).toBe(false);
  await answer();
  await closed(busy);
});
