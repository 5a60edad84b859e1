import type { TLSSocket } from 'node:tls';
import { addressOf, type Peer, secure } from './wire.ts';

/** What became of sockets that say nothing. */
export interface Idle {
  readonly opened: number;
  /** Opened and not closed by the service, at the worst moment and at the end. */
  readonly most: number;
  readonly refused: number;
}

/** Under way at once. */
export const handshakes = 50;

/**
 * Opens sockets that say nothing, as fast as handshakes go, and counts those that the service leaves open.
 * @param during run while all of them have been opened and none was closed here
 */
export async function idleSockets(peer: Peer, wanted: number, during: () => Promise<void>): Promise<Idle> {
  const open = new Set<TLSSocket>();
  let [opened, most, refused, next] = [0, 0, 0, 0];
  const hand = async () => {
    while (next < wanted) {
      const n = next++;
      try {
        const socket = await secure(peer, addressOf(1 + (n % 250)));
        opened++;
        open.add(socket);
        most = Math.max(most, open.size);
        socket.on('close', () => open.delete(socket));
        socket.resume();
      } catch {
        refused++;
      }
    }
  };
  await Promise.all(Array.from({ length: handshakes }, hand));
  await during();
  for (const socket of open) socket.destroy();
  return { opened, most, refused };
}
