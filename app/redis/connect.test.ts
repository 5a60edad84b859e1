import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../../test/support/redis.ts';
import { type Sentinel, startSentinel } from '../../test/support/sentinel.ts';
import { type Backing, startBacking, until } from '../../test/support/service.ts';
import { loadConfiguration } from '../settings/load.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { connectRedis } from './connect.ts';

let backing: Backing;
beforeAll(async () => {
  backing = await startBacking();
});
afterAll(() => backing?.stop());

let client: Redis | undefined;
afterEach(() => client?.disconnect());

/** A connection as the service makes it, and the lines that it logs. */
async function connect(
  overrides: Record<string, string> = {},
): Promise<{ client: Redis; logs: () => Record<string, unknown>[] }> {
  const lines: string[] = [];
  const { settings } = loadConfiguration(await backing.environment(overrides));
  client = connectRedis('data', settings, {
    metrics: createMetrics(),
    log: pino({}, { write: (line: string) => void lines.push(line) }),
  }) as Redis;
  await ready(client);
  return { client, logs: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const ready = (client: Redis): Promise<void> => until(() => client.status === 'ready');
const end = (client: Redis): Promise<unknown> => new Promise((resolve) => client.once('end', resolve));

test('a connection that ioredis gave up for good is made anew, and one that we closed is not', async () => {
  const { client } = await connect();
  const { connector } = client as unknown as { connector: { disconnect(): void } };
  // What its failover detector does when the news comes while a connection is being made.
  client.once('connecting', () => connector.disconnect());
  const given = end(client);
  client.disconnect(true);
  await given;
  await ready(client);
  expect(await client.exists('cs:v1:nothing')).toBe(0);

  const closed = end(client);
  client.disconnect();
  await closed;
  await sleep(300);
  expect(client.status).toBe('end');
});

test('a Sentinel that does not answer is an event, never plain text beside the log', async () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const sentinel = await tlsSentinel();
  try {
    const { logs } = await connect({
      ...watchedBy(sentinel),
      REDIS_SENTINELS: `127.0.0.1:${sentinel.port},127.0.0.1:${await freePort()}`,
    });
    await until(() => logs().some(({ reason }) => /ECONNREFUSED/.test(String(reason))));
    expect(logs().every(({ event }) => event === 'redis_error' || event === 'redis_connected')).toBe(true);
    expect(written).not.toHaveBeenCalled();
  } finally {
    await sentinel.stop();
    written.mockRestore();
  }
});

test('news of a failover comes from a Sentinel that was restarted, too', async () => {
  let sentinel = await tlsSentinel();
  try {
    await connect(watchedBy(sentinel));
    await until(() => isHeardBy(sentinel));
    await sentinel.stop();
    sentinel = await tlsSentinel(sentinel.port);
    await until(() => isHeardBy(sentinel));
  } finally {
    await sentinel.stop();
  }
});

const sentinelPassword = randomBytes(12).toString('hex');

const watchedBy = ({ port }: Sentinel) => ({
  REDIS_MODE: 'sentinel',
  REDIS_SENTINELS: `127.0.0.1:${port}`,
  REDIS_SENTINEL_MASTER: 'main',
});

function tlsSentinel(port?: number): Promise<Sentinel> {
  writeFileSync(join(backing.dir, 'secrets/redis-sentinel-password'), sentinelPassword);
  const file = (name: string): string => join(backing.dir, 'redis', name);
  return startSentinel(
    backing.redis,
    [
      `tls-cert-file ${file('tls.crt')}`,
      `tls-key-file ${file('tls.key')}`,
      `tls-ca-cert-file ${file('ca.crt')}`,
      'tls-auth-clients no',
      'tls-replication yes',
      `user sentinel on >${sentinelPassword} allcommands allchannels`,
    ],
    port,
  );
}

/** Whether somebody waits for a Sentinel's news of a failover. */
async function isHeardBy({ port }: Sentinel): Promise<boolean> {
  const asking = new Redis({
    port,
    username: 'sentinel',
    password: sentinelPassword,
    tls: { rejectUnauthorized: false },
    retryStrategy: null,
    lazyConnect: true,
  });
  asking.on('error', () => undefined);
  try {
    await asking.connect();
    return / sub=1 /.test(String(await asking.call('client', 'list')));
  } catch {
    // It is not up yet.
    return false;
  } finally {
    asking.disconnect();
  }
}
