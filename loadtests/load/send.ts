import { readFileSync } from 'node:fs';
import autocannon, { type Options, type Request as WireRequest } from 'autocannon';
import type { Request } from '../scenarios/requests.ts';

/** What a burst of requests brought back. */
export interface Tally {
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly sent: number;
  /** Without an answer. */
  readonly errors: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers per second. */
  readonly rate: number;
}

/** Answers by status, for a message. */
export const inWords = (statuses: Tally['statuses']): string =>
  Object.entries(statuses)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ');

/** Requests of one connection, in order and again from the start. */
export interface Connection {
  readonly token: string;
  readonly requests: readonly Request[];
}

/** How much, and how fast. */
export interface Bounds {
  /** Requests in all; absent: as many as fit in `seconds`. */
  readonly amount?: number;
  readonly seconds?: number;
  /** Requests per second over all connections. */
  readonly rate?: number;
}

/**
 * Sends requests to the replicas in turn, connection by connection, and counts the answers.
 * @param ca CA file; null for the public ones
 */
export async function send(
  targets: readonly string[],
  ca: string | null,
  connections: readonly Connection[],
  { amount, seconds, rate }: Bounds,
): Promise<Tally> {
  const parts = targets.map((url, i) => {
    const own = connections.filter((_, n) => n % targets.length === i);
    const share = own.length / connections.length;
    let next = 0;
    const options: Options = {
      url,
      connections: own.length,
      ...(amount === undefined ? {} : { amount: Math.round(amount * share) }),
      ...(seconds === undefined ? {} : { duration: seconds }),
      ...(rate === undefined ? {} : { overallRate: Math.max(1, Math.round(rate * share)) }),
      ...(ca === null ? {} : { tlsOptions: { ca: readFileSync(ca) } }),
      setupClient: (client) => {
        const { token, requests } = own[next++ % own.length] as Connection;
        client.setRequests(requests.map((request) => wire(request, token)));
      },
    };
    return own.length === 0 ? null : autocannon(options);
  });
  const results = (await Promise.all(parts)).filter((part) => part !== null);
  const statuses: Record<string, number> = {};
  for (const { statusCodeStats = {} } of results) {
    for (const [status, { count = 0 }] of Object.entries(statusCodeStats))
      statuses[status] = (statuses[status] ?? 0) + count;
  }
  const worst = (pick: (result: (typeof results)[number]) => number) => Math.max(0, ...results.map(pick));
  return {
    statuses,
    sent: results.reduce((sum, { requests }) => sum + requests.sent, 0),
    errors: results.reduce((sum, { errors, timeouts }) => sum + errors + timeouts, 0),
    p50: worst(({ latency }) => latency.p50),
    p99: worst(({ latency }) => latency.p99),
    rate: results.reduce((sum, { requests }) => sum + requests.average, 0),
  };
}

function wire({ method, path, body, headers }: Request, token: string): WireRequest {
  return {
    method: method as NonNullable<WireRequest['method']>,
    path,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}
