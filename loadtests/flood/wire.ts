import { connect as connectPlain, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

/** One replica, as a peer that misbehaves reaches it. */
export interface Peer {
  readonly url: URL;
  /** Certificate of its authority; absent: the public ones. */
  readonly ca?: string;
}

/** A connection after its handshake, from an address of this machine. @throws Error when it is refused */
export function secure({ url, ca }: Peer, localAddress?: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      {
        host: url.hostname,
        port: portOf(url),
        servername: url.hostname,
        ...(localAddress === undefined ? {} : { localAddress, family: 4 }),
        ...(ca === undefined ? {} : { ca }),
      },
      () => resolve(socket),
    );
    socket.on('error', reject);
  });
}

/** A connection that never begins its handshake. */
export function plain({ url }: Peer): Socket {
  const socket = connectPlain({ host: url.hostname, port: portOf(url) });
  socket.on('error', () => {});
  return socket;
}

/** An address of this machine that nothing else sends from; any of 127.0.0.0/8 is local on Linux, one alone elsewhere. */
export function addressOf(n: number): string | undefined {
  return process.platform === 'linux' ? `127.41.${n >> 8}.${(n & 255) + 1}` : undefined;
}

const portOf = (url: URL): number => Number(url.port || 443);
