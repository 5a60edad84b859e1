import { once } from 'node:events';
import { Redis } from 'ioredis';

/** A connection with the options that the limiter is made for, without TLS. */
export async function connectForTest(port: number): Promise<Redis> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 1_000,
    retryStrategy: (attempt) => Math.min(attempt * 50, 500),
  });
  redis.on('error', () => {});
  await once(redis, 'ready');
  return redis;
}
