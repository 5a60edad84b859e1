import type { Server, Socket } from 'node:net';

/**
 * Keeps account of a server's sockets from before their TLS handshake, and returns how to cut them all. (Node's
 * `closeAllConnections` knows only those that sent a request.)
 */
export function trackSockets(server: Server): () => void {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return () => {
    for (const socket of open) socket.destroy();
  };
}
