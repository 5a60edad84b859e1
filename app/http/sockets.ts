import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Keeps account of a server's sockets from before their TLS handshake, and bounds them. For one too many, the socket that
 * has been idle for longest is closed, those first that never asked anything: a listener that refused newcomers instead
 * could be shut to everybody by whoever holds enough idle sockets.
 * @param most sockets at a time; where all of them wait for an answer, the newcomer is closed
 * @returns how to cut them all (Node's `closeAllConnections` knows only those that sent a request)
 */
export function keepSockets(server: Pick<Server, 'on'>, most: number): () => void {
  // Each in the order of time: the first has been as it is for longest.
  const silent = new Map<string, Socket>();
  const idle = new Map<string, Socket>();
  const busy = new Map<string, Socket>();
  const all = [silent, idle, busy];
  const forget = (name: string) => {
    for (const some of all) some.delete(name);
  };

  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    silent.set(name, socket);
    socket.once('close', () => forget(name));
    if (silent.size + idle.size + busy.size <= most) return;
    const [victim = name, closed = socket] = first(silent.size > 1 ? silent : idle);
    forget(victim);
    closed.destroy();
  });

  const waiting = new Map<string, number>();
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    // Under TLS it is not the socket that came, but it has the same peer.
    const name = nameOf(socket);
    const known = silent.get(name) ?? idle.get(name) ?? busy.get(name);
    if (known === undefined) return;
    forget(name);
    busy.set(name, known);
    waiting.set(name, (waiting.get(name) ?? 0) + 1);
    response.once('close', () => {
      const left = (waiting.get(name) ?? 1) - 1;
      if (left > 0) {
        waiting.set(name, left);
        return;
      }
      waiting.delete(name);
      if (busy.delete(name)) idle.set(name, known);
    });
  });

  return () => {
    for (const some of all) for (const socket of some.values()) socket.destroy();
  };
}

const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

const first = (sockets: ReadonlyMap<string, Socket>): [string?, Socket?] =>
  sockets.entries().next().value ?? [];
