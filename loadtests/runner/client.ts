import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';

/** An answer, its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  json(): unknown;
}

/** Sends one request to the service under test. */
export type Client = (
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  options?: { readonly token?: string; readonly body?: unknown },
) => Promise<Answer>;

/**
 * A client that trusts one CA, and the public ones when there is none.
 * @param base URL that paths are relative to
 */
export function createClient(base: string, ca: string | null): Client {
  const dispatcher = new Agent({ connect: ca === null ? {} : { ca: readFileSync(ca) } });
  return async (method, url, { token, body } = {}) => {
    const answer = await request(new URL(url, base), {
      dispatcher,
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: 20_000,
      bodyTimeout: 20_000,
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, text, json: () => JSON.parse(text) };
  };
}
