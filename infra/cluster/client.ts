import { Agent, request } from 'node:https';

/** An answer of the service through the edge. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A client of the edge: the name that clients use, at a port of this machine. */
export interface Client {
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  close(): void;
}

/** What a call carries. */
export interface CallOptions {
  readonly token?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds; the call fails with status 0 after them. */
  readonly timeout?: number;
}

/** Where the edge is reached. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

/** @param ca the authority's certificate, PEM */
export function edgeClient(address: Address, host: string, ca: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 32, ca, servername: host });
  return {
    call: (method, path, options = {}) => call(agent, address, host, method, path, options),
    close: () => agent.destroy(),
  };
}

/** Never rejects: what did not get an answer has status 0 and says why in its body. */
function call(
  agent: Agent,
  { address, port }: Address,
  host: string,
  method: string,
  path: string,
  { token, json, headers, timeout = 10_000 }: CallOptions,
): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (why: string) => resolve({ status: 0, headers: {}, body: why });
    const outgoing = request(
      {
        agent,
        host: address,
        port,
        method,
        path,
        servername: host,
        timeout,
        headers: {
          host,
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      (incoming) => {
        let body = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          body += chunk;
        });
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body }),
        );
        incoming.on('error', (error) => fail(error.message));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${timeout} ms`)));
    outgoing.on('error', (error) => fail(error.message));
    outgoing.end(json === undefined ? undefined : JSON.stringify(json));
  });
}
