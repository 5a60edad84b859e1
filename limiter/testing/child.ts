import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRateLimiter } from '../index.ts';
import { connectForTest } from './servers.ts';

/** The requests of one process of a fleet, all for one key. */
export interface Fleet {
  readonly port: number;
  readonly quota: number;
  readonly windowSeconds: number;
  readonly cost: number;
  /** Milliseconds during which the process keeps 50 requests in flight. */
  readonly forMs: number;
}

// Prints "ready", starts when its input ends, and prints a list of [Redis' time, units] of the admitted requests.
const { port, forMs, ...rule } = JSON.parse(process.argv[2] ?? '{}') as Fleet;
const redis = await connectForTest(port);
const limiter = createRateLimiter({
  redis,
  deadlineMs: 5_000,
  policies: [{ name: 'default', scope: 'user', onStoreError: 'closed', mode: 'enforce', ...rule }],
});
const admitted: [number, number][] = [];
console.log('ready');
await once(process.stdin.resume(), 'end');
const end = performance.now() + forMs;
const worker = async () => {
  while (performance.now() < end) {
    const { outcome, now } = await limiter.check({ ip: '192.0.2.1', userId: 'shared' }, ['default']);
    if (outcome === 'allow') admitted.push([now, rule.cost]);
    else await sleep(2);
  }
};
await Promise.all(Array.from({ length: 50 }, worker));
console.log(JSON.stringify(admitted));
redis.disconnect();
