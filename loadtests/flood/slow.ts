import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { addressOf, type Peer, plain, secure } from './wire.ts';

/** A peer that takes its time, and what became of it. */
export interface Cut {
  readonly name: string;
  /** Seconds after which the service cuts such a peer, as app/src/http says. */
  readonly limit: number;
  /** Seconds until it did; null: not within `tolerance` times the limit. */
  readonly seconds: number | null;
}

/** How much later than its limit a peer may be cut. */
export const tolerance = 1.2;

/** Longest an answer may be read, the patience of the slowest peer; seconds. */
const longestAnswer = 60;

/**
 * Peers that send or read as slowly as they can, all at once.
 * @param token of a user whose export is larger than what the sockets' buffers hold
 */
export function slowPeers(peer: Peer, token: string): Promise<Cut[]> {
  const head = (text: string) => `${text} HTTP/1.1\r\nHost: ${peer.url.host}\r\n`;
  const exportOf = `${head('GET /api/v1/cases/export')}Authorization: Bearer ${token}\r\n\r\n`;
  return Promise.all([
    cut('no handshake', 5, async () => plain(peer)),
    cut('silent after the handshake', 20, () => secure(peer, addressOf(0))),
    cut('a header, byte by byte', 10, () => dripping(peer, `${head('GET /health')}X-Slow: `)),
    cut('a body, byte by byte', 15, () =>
      dripping(
        peer,
        `${head('POST /api/v1/auth/login')}Content-Type: application/json\r\nContent-Length: 4000\r\n\r\n{`,
      ),
    ),
    unread('an answer, not read', 20, peer, exportOf, 0),
    unread('an answer, read slowly', longestAnswer, peer, exportOf, 4_096),
  ]);
}

/** Opens a socket and waits until the service closes it. */
async function cut(name: string, limit: number, open: () => Promise<Socket>): Promise<Cut> {
  const began = performance.now();
  const socket = await open();
  socket.on('error', () => {});
  socket.resume();
  const late = setTimeout(limit * tolerance * 1_000, 'late', { ref: false });
  const first = await Promise.race([once(socket, 'close'), late]);
  socket.destroy();
  return { name, limit, seconds: first === 'late' ? null : (performance.now() - began) / 1_000 };
}

/** Sends a start, then a byte twice a second. */
async function dripping(peer: Peer, start: string): Promise<Socket> {
  const socket = await secure(peer, addressOf(0));
  socket.write(start);
  const timer = setInterval(() => socket.writable && socket.write('a'), 500);
  socket.on('close', () => clearInterval(timer));
  return socket;
}

/**
 * Asks for more than the buffers between hold and reads `chunk` bytes a second. A closed connection is only seen at the
 * end of what was sent before, so it is looked for when the time is over: what then comes must end, and too early.
 */
async function unread(name: string, limit: number, peer: Peer, request: string, chunk: number): Promise<Cut> {
  const socket = await secure(peer, addressOf(0));
  socket.pause();
  socket.on('error', () => {});
  let text = '';
  const take = (bytes: Buffer | null) => {
    if (bytes !== null) text = (text + bytes.toString('latin1')).slice(-5);
  };
  socket.write(request);
  const timer = setInterval(() => chunk > 0 && take(socket.read(chunk)), 1_000);
  const seconds = limit * tolerance;
  await setTimeout(seconds * 1_000);
  clearInterval(timer);
  socket.on('data', take);
  socket.resume();
  const ended = await Promise.race([once(socket, 'close'), setTimeout(5_000, 'late')]);
  socket.destroy();
  const whole = text.endsWith('0\r\n\r\n');
  return { name, limit, seconds: ended === 'late' || whole ? null : seconds };
}
