import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** What came back on a connection, split into answers. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/**
 * Writes bytes on a connection of its own and reads until the peer closes it: HTTP as no client library would send it.
 * @param ca without it the connection is not TLS
 */
export function exchange(port: number, bytes: string, ca?: string): Promise<readonly RawAnswer[]> {
  return new Promise((resolve, reject) => {
    const host = '127.0.0.1';
    const socket = ca
      ? connectTls({ host, port, ca, servername: 'localhost' })
      : connectPlain({ host, port });
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('close', () => resolve(split(Buffer.concat(chunks).toString('latin1'))));
    socket.on('error', (error) => {
      // A reset after the answer is how a refused sender is told to stop.
      if (chunks.length === 0) reject(error);
    });
    socket.write(bytes, 'latin1');
  });
}

function split(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  while (rest.startsWith('HTTP/1.1 ')) {
    const end = rest.indexOf('\r\n\r\n');
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = new Map(
      lines.map((line): [string, string] => {
        const at = line.indexOf(':');
        return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
      }),
    );
    const length = Number(headers.get('content-length') ?? 0);
    const body = rest.slice(end + 4, end + 4 + length);
    answers.push({ status: Number(statusLine.split(' ')[1]), headers, body });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}
