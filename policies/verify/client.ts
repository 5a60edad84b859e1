import { connect as connectPlain, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** The check could not run: never a pass. */
export class CouldNotCheck extends Error {}

/** One listener of the service. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** PEM of the authority that signed its certificate; the system's when absent. */
  readonly ca: string | undefined;
  /** Where to connect to instead, for a host whose name does not lead there (yet). */
  readonly at?: { readonly host: string; readonly port: number };
}

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  /** Names in lower case; repeated ones joined by a line feed. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Answers seen on the connection: more than one to one request is a desynchronised peer. */
  readonly answers: number;
}

/** A request; `raw` replaces everything else. */
export interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  readonly body?: string;
  /** Bytes to send as they are. */
  readonly raw?: string;
  readonly timeoutMs?: number;
  /** The limit is the subject of the request: a 429 is returned, not waited out. */
  readonly limited?: true;
}

/** `https://host:port` as a target. @param at `host:port` to connect to instead */
export function parseTarget(url: string, ca?: string, at?: string): Target {
  const { protocol, hostname, port, pathname } = new URL(url);
  if (!/^https?:$/.test(protocol) || pathname !== '/')
    throw new CouldNotCheck(`${url} is not https://host[:port] or http://host[:port]`);
  const tls = protocol === 'https:';
  const host = withoutBrackets(hostname);
  const target = { host, port: Number(port || (tls ? 443 : 80)), tls, ca };
  return at === undefined ? target : { ...target, at: parseAddress(at) };
}

function parseAddress(text: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(text) ?? [];
  if (host === '') throw new CouldNotCheck(`--connect ${text} is not HOST:PORT`);
  return { host: withoutBrackets(host), port: Number(port) };
}

const withoutBrackets = (host: string): string => host.replace(/^\[|\]$/g, '');

/** Opens a connection; the certificate is verified unless the options say otherwise. */
export function open(target: Target, options: ConnectionOptions = {}): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { ca, tls } = target;
    const servername = /^[\d.]+$|:/.test(target.host) ? '' : target.host;
    const { host, port } = target.at ?? target;
    const socket = tls
      ? connectTls({ host, port, servername, ...(ca ? { ca } : {}), ...options }, () => resolve(socket))
      : connectPlain({ host, port }, () => resolve(socket));
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')));
    socket.once('error', reject);
  });
}

/**
 * Sends one request on a connection of its own and reads to its end.
 * HTTP is written by hand: a client library would correct what the checks must send, and hide what they must see.
 */
export async function send(target: Target, request: Request): Promise<Answer> {
  const socket = await open(target);
  const text = await exchange(socket, request.raw ?? serialise(target, request), request.timeoutMs ?? 15_000);
  const answers = parseAnswers(text);
  const [first] = answers;
  if (!first) throw new CouldNotCheck(`${target.host}:${target.port} closed without an answer`);
  return { ...first, answers: answers.length };
}

/** Writes bytes and collects all that comes back until the peer closes. */
export function exchange(socket: Socket, bytes: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const text = (): string => Buffer.concat(chunks).toString('latin1');
    const timer = setTimeout(() => {
      socket.destroy();
      if (chunks.length > 0) resolve(text());
      else reject(new CouldNotCheck(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      // A reset after the answer is how a server ends a request that it refused while it was being sent.
      if (chunks.length > 0 || !error) resolve(text());
      else reject(error);
    };
    socket.removeAllListeners('error');
    socket.setTimeout(0);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('error', finish);
    socket.once('close', () => finish());
    socket.write(bytes, 'latin1');
  });
}

function serialise(target: Target, request: Request): string {
  const { method = 'GET', path = '/', body = '' } = request;
  const given = Array.isArray(request.headers) ? request.headers : Object.entries(request.headers ?? {});
  const named = new Set((given as [string, string][]).map(([name]) => name.toLowerCase()));
  const bytes = Buffer.from(body, 'utf8').toString('latin1');
  const standard: [string, string][] = [
    ['Host', hostHeader(target)],
    ['Connection', 'close'],
    ...(body !== '' || /^(POST|PATCH|PUT)$/.test(method)
      ? [['Content-Length', String(bytes.length)] as [string, string]]
      : []),
    ...(body !== '' ? [['Content-Type', 'application/json'] as [string, string]] : []),
  ];
  const all = [
    ...standard.filter(([name]) => !named.has(name.toLowerCase())),
    ...(given as [string, string][]),
  ];
  const head = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${path} HTTP/1.1\r\n${head}\r\n${bytes}`;
}

/** The Host header of a target. */
export function hostHeader({ host, port }: Target): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

type Parsed = Omit<Answer, 'answers'>;

/** All HTTP answers in a text; interim ones (1xx) left out. */
export function parseAnswers(text: string): readonly Parsed[] {
  const answers: Parsed[] = [];
  let rest = text;
  while (rest.startsWith('HTTP/')) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) break;
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const status = Number(statusLine.split(' ')[1]);
    const headers = new Map<string, string>();
    for (const line of lines) {
      const name = line.slice(0, line.indexOf(':')).toLowerCase();
      const value = line.slice(line.indexOf(':') + 1).trim();
      headers.set(name, headers.has(name) ? `${headers.get(name)}\n${value}` : value);
    }
    const [body, used] = readBody(rest.slice(end + 4), status, headers);
    if (status >= 200) answers.push({ status, headers, body: Buffer.from(body, 'latin1').toString('utf8') });
    rest = rest.slice(end + 4 + used);
  }
  return answers;
}

function readBody(
  text: string,
  status: number,
  headers: ReadonlyMap<string, string>,
): [body: string, used: number] {
  if (status < 200 || status === 204 || status === 304) return ['', 0];
  if (/chunked/i.test(headers.get('transfer-encoding') ?? '')) return readChunks(text);
  const length = headers.get('content-length');
  // An answer to HEAD names a length that does not follow; what follows then is no answer either.
  if (length === undefined || text.startsWith('HTTP/'))
    return length === undefined ? [text, text.length] : ['', 0];
  return [text.slice(0, Number(length)), Math.min(Number(length), text.length)];
}

function readChunks(text: string): [body: string, used: number] {
  let [body, at] = ['', 0];
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size)) return [body, text.length];
    if (size === 0) return [body, Math.min(lineEnd + 4, text.length)];
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

/** The body as JSON, or null. */
export function parseJson(answer: Pick<Answer, 'body'>): Record<string, unknown> | null {
  try {
    return JSON.parse(answer.body) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** Why an answer is not the problem document that every error must be; null when it is. */
export function notAProblem(answer: Answer): string | null {
  const type = answer.headers.get('content-type') ?? 'no content type';
  if (!type.startsWith('application/problem+json')) return type;
  const body = parseJson(answer);
  return body?.status === answer.status && typeof body.title === 'string' ? null : 'not a problem document';
}
