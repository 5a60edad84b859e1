import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

/** Where the benchmark's Redis listens; with `caFile` it speaks TLS. */
export interface Target {
  readonly port: number;
  readonly caFile?: string;
}

/** A connection as the service has it. */
export async function connect({ port, caFile }: Target): Promise<Redis> {
  const redis = new Redis({
    port,
    host: '127.0.0.1',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    ...(caFile === undefined ? {} : { tls: { ca: readFileSync(caFile), servername: 'localhost' } }),
  });
  await new Promise((resolve, reject) => redis.once('ready', resolve).once('error', reject));
  return redis;
}
