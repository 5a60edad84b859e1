import type { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible';
import type { Policy } from '../../contract/policies.ts';
import { createRateLimiter } from '../index.ts';

/** What speed alone does not show, tried on the same server: admissions across a boundary, and denials that consume. */
export interface Correctness {
  readonly name: string;
  /** Most admitted in any one window, of a quota of 100. */
  readonly worstWindow: number;
  /** Units that a user lost to requests which another rule denied. */
  readonly lostToDenials: number;
}

const quota = 100;

/** Tries both on ours and on rate-limiter-flexible; two windows of two seconds. */
export async function correctness(redis: Redis): Promise<Correctness[]> {
  const policy = (name: string, scope: Policy['scope'], limit: number): Policy => ({
    name,
    scope,
    quota: limit,
    windowSeconds: 2,
    cost: 1,
    onStoreError: 'local',
    mode: 'enforce',
  });
  const ours = createRateLimiter({
    redis,
    denyCache: 0,
    deadlineMs: 2_000,
    policies: [policy('default', 'user', quota), policy('few', 'global', 2)],
  });
  const flexible = new RateLimiterRedis({
    storeClient: redis,
    points: quota,
    duration: 2,
    keyPrefix: 'edge',
  });
  const user = new RateLimiterRedis({ storeClient: redis, points: quota, duration: 60, keyPrefix: 'u' });
  const union = new RateLimiterUnion(
    new RateLimiterRedis({ storeClient: redis, points: 2, duration: 60, keyPrefix: 'g' }),
    user,
  );
  for (let i = 0; i < 10; i++) await ours.check({ ip: '', userId: 'lost' }, ['few', 'default']);
  for (let i = 0; i < 10; i++) await union.consume('lost').catch(() => {});
  const [explained] = await ours.explain('lost');
  const consumed = (await user.get('lost'))?.consumedPoints ?? 0;
  return [
    {
      name: 'ours',
      worstWindow: await worstWindow(
        async () => (await ours.check({ ip: '', userId: 'edge' }, ['default'])).outcome === 'allow',
      ),
      lostToDenials: (explained?.consumed ?? 0) - 2,
    },
    {
      name: 'rate-limiter-flexible',
      worstWindow: await worstWindow(() =>
        flexible.consume('edge').then(
          () => true,
          () => false,
        ),
      ),
      lostToDenials: consumed - 2,
    },
  ];
}

/** One request opens the window, a burst comes at its end and another right after it: the adversary of fixed windows. */
async function worstWindow(decide: () => Promise<boolean>): Promise<number> {
  const admitted: number[] = [];
  const burst = async (count: number) => {
    for (let i = 0; i < count; i++) if (await decide()) admitted.push(performance.now());
  };
  const started = performance.now();
  await burst(1);
  await sleepUntil(started + 1_850);
  await burst(quota);
  await sleepUntil(started + 2_050);
  await burst(quota);
  return Math.max(...admitted.map((end) => admitted.filter((at) => at > end - 2_000 && at <= end).length));
}

const sleepUntil = (at: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));
