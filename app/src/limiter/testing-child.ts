import { createRateLimiter } from './index.ts';
import { connectForTest } from './testing.ts';

// One of several processes on one key: port, requests, quota. Prints how many were admitted.
const [port, requests, quota] = process.argv.slice(2).map(Number);
const redis = await connectForTest(port ?? 0);
const limiter = createRateLimiter({
  redis,
  deadlineMs: 5_000,
  policies: [
    {
      name: 'default',
      scope: 'user',
      quota: quota ?? 1,
      windowSeconds: 60,
      cost: 1,
      onStoreError: 'closed',
      mode: 'enforce',
    },
  ],
});
let left = requests ?? 0;
let admitted = 0;
const worker = async () => {
  while (left-- > 0)
    if ((await limiter.check({ ip: '192.0.2.1', userId: 'shared' }, ['default'])).outcome === 'allow')
      admitted += 1;
};
await Promise.all(Array.from({ length: 50 }, worker));
console.log(admitted);
redis.disconnect();
