import { once } from 'node:events';
import {
  type AddressInfo,
  connect as connectPlain,
  createServer as createPlainServer,
  type Server,
  type Socket,
} from 'node:net';
import { connect as connectTls, createServer, type TlsOptions } from 'node:tls';
import type { Target } from '../verify/client.ts';

/** What a proxy in front of the real service changes: the service, as it would be with a control broken. */
export interface Sabotage {
  /** Changes the bytes of a request before the service sees them. */
  request?(text: string): string;
  /** Changes the bytes of the answer; `request` is what the client sent. */
  answer?(text: string, request: string): string;
  /** Weakens the listener's TLS. */
  readonly tls?: TlsOptions;
}

/** A listener that hands everything to the service and back, sabotaged. */
export interface SabotagedTarget {
  readonly target: Target;
  stop(): Promise<void>;
}

/**
 * Starts it on a free port of loopback.
 * @param certificate the service's own, so that a client that knows its authority sees no difference
 * @param from local address of the connections to the service: limits per address stay apart
 */
export async function sabotage(
  service: Target,
  certificate: { readonly key: string; readonly cert: string } | null,
  { request = same, answer = same, tls }: Sabotage,
  from = '127.0.0.1',
): Promise<SabotagedTarget> {
  const sockets = new Set<Socket>();
  const serve = (client: Socket): void => {
    sockets.add(client);
    const { host, port, ca } = service;
    const plain = connectPlain({ host, port, localAddress: from });
    const upstream = service.tls
      ? connectTls({ socket: plain, servername: 'localhost', ...(ca ? { ca } : {}) })
      : plain;
    const [sent, received]: [Buffer[], Buffer[]] = [[], []];
    client.on('data', (chunk) => {
      const first = sent.length === 0;
      sent.push(chunk);
      // Only the head of a request is changed, and it comes in the first bytes; the rest may be large.
      upstream.write(first ? Buffer.from(request(chunk.toString('latin1')), 'latin1') : chunk);
    });
    let done = false;
    let quiet: NodeJS.Timeout | undefined;
    const finish = (): void => {
      if (done) return;
      done = true;
      clearTimeout(quiet);
      const text = Buffer.concat(received).toString('latin1');
      client.end(Buffer.from(answer(text, Buffer.concat(sent).toString('latin1')), 'latin1'));
    };
    // Clients here ask for `Connection: close`; where sabotage took that away, half a second of silence is an end.
    upstream.on('data', (chunk) => {
      received.push(chunk);
      clearTimeout(quiet);
      quiet = setTimeout(finish, 500);
    });
    upstream.on('close', finish);
    client.on('close', () => {
      clearTimeout(quiet);
      sockets.delete(client);
      upstream.destroy();
    });
    for (const socket of [client, plain, upstream]) socket.on('error', () => socket.destroy());
  };
  const server: Server = certificate
    ? createServer({ ...hardened, ...certificate, ...tls }, serve)
    : createPlainServer(serve);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    target: { ...service, host: service.host, port, tls: certificate !== null },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** As the service has it, so that a proxy without sabotage is green. */
const hardened: TlsOptions = {
  minVersion: 'TLSv1.2',
  ecdhCurve: 'X25519:P-256:P-384',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
};

function same(text: string): string {
  return text;
}
