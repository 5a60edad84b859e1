import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Milliseconds: a socket that was idle for less may have its next request under way. */
const settledMs = 1_000;
const sweepMs = 100;

/** The sockets of a listener. */
export interface SocketKeeper {
  /** Begins to close sockets: those without a request at once, the others after their answer. */
  drain(): void;
  /** Cuts them all; Node's `closeAllConnections` cuts only those that sent a request. */
  cut(): void;
}

/**
 * Keeps account of a server's sockets from before their TLS handshake, and bounds them. For one too many, the socket that
 * has been idle for longest is closed, those first that never asked anything: a listener that refused newcomers instead
 * could be shut to everybody by whoever holds enough idle sockets.
 * @param max sockets at a time; where all of them wait for an answer, the newcomer is closed
 */
export function keepSockets(server: Pick<Server, 'on' | 'listening'>, max: number): SocketKeeper {
  // Each in the order of time: the first has been as it is for longest.
  const silent = new Map<string, Socket>();
  const idle = new Map<string, Socket>();
  const idleSince = new Map<string, number>();
  const busy = new Map<string, Socket>();
  const all = [silent, idle, busy];
  const forget = (name: string) => {
    for (const some of all) some.delete(name);
    idleSince.delete(name);
  };

  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    silent.set(name, socket);
    idleSince.set(name, performance.now());
    socket.once('close', () => forget(name));
    if (silent.size + idle.size + busy.size <= max) return;
    const [oldest = name, evicted = socket] = first(silent.size > 1 ? silent : idle);
    forget(oldest);
    evicted.destroy();
  });

  const waiting = new Map<string, number>();
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    // TLS replaces the raw socket, so the peer address identifies the connection.
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
      if (!busy.delete(name)) return;
      idle.set(name, known);
      idleSince.set(name, performance.now());
    });
  });

  const close = (name: string, socket: Socket) => {
    forget(name);
    socket.destroy();
  };
  return {
    drain() {
      const closeIdle = () => {
        const settled = performance.now() - settledMs;
        for (const [name, socket] of [...silent, ...idle]) {
          if ((idleSince.get(name) ?? 0) <= settled) close(name, socket);
        }
        if (silent.size + idle.size + busy.size === 0 && !server.listening) clearInterval(sweep);
      };
      const sweep = setInterval(closeIdle, sweepMs);
      sweep.unref();
      closeIdle();
    },
    cut() {
      for (const some of all) for (const socket of some.values()) socket.destroy();
    },
  };
}

const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

const first = (sockets: ReadonlyMap<string, Socket>): [string?, Socket?] =>
  sockets.entries().next().value ?? [];
