import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Returns a connection with the options that the limiter needs, without TLS. */
export async function connectForTest(port: number): Promise<Redis> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 10_000,
    retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  });
  redis.on('error', () => {});
  await once(redis, 'ready');
  return redis;
}

/** Waits until a condition holds. @throws Error after ten seconds */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; await sleep(25)) if (await holds()) return;
  throw new Error('the condition did not hold within 10 s');
}

/** A TCP proxy that disturbs the connection on request. */
export interface Proxy {
  readonly port: number;
  /** Delays replies by milliseconds. */
  delay(ms: number): void;
  /** Discards the replies of the server. */
  dropReplies(drop: boolean): void;
  /** Resets every connection. */
  cut(): void;
  stop(): void;
}

/** Starts a proxy in front of a port of loopback. */
export async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let delay = 0;
  let drop = false;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      if (drop) return;
      if (delay === 0) client.write(data);
      else setTimeout(() => client.writable && client.write(data), delay);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    delay(ms) {
      delay = ms;
    },
    dropReplies(value) {
      drop = value;
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** An exact log of all admissions, as the reference. */
export class Log {
  readonly #entries: { at: number; units: number }[] = [];

  admit(at: number, units: number): void {
    this.#entries.push({ at, units });
  }

  /** Returns the units admitted in the `ms` that end at `now`, that instant included. */
  within(ms: number, now: number): number {
    return this.#entries
      .filter(({ at }) => at > now - ms && at <= now)
      .reduce((sum, { units }) => sum + units, 0);
  }

  /** Returns the highest number of units in any window of a length. */
  worst(ms: number): number {
    return Math.max(0, ...this.#entries.map(({ at }) => this.within(ms, at)));
  }
}
