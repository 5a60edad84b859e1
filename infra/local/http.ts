import { readFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { paths } from './layout.ts';

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Sends a request. TLS certificates are verified against the stack's authority. */
export function send(
  url: string,
  init: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly timeoutMs?: number;
  } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body, timeoutMs = 10_000 } = init;
  const request = url.startsWith('https:') ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        headers,
        timeout: timeoutMs,
        agent: false,
        ...(url.startsWith('https:') ? { ca: readFileSync(paths.authority) } : {}),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer from ${url} in ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Returns whether an address answers with 200. No answer counts as not ready. */
export const answers = (url: string) => (): Promise<boolean> =>
  send(url, { timeoutMs: 1_000 }).then(
    ({ status }) => status === 200,
    () => false,
  );
