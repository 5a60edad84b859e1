import fc from 'fast-check';
import type { Cluster, Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterUnion } from 'rate-limiter-flexible';
import type { Policy } from '../../contract/policies.ts';
import { createRateLimiter } from '../index.ts';

/** One thing that is measured: decides request number `i`, true when it is admitted. */
export interface Contender {
  readonly name: string;
  /** What it does, for the table. */
  readonly does: string;
  decide(i: number): Promise<boolean>;
}

const policy = (name: string, scope: Policy['scope'], quota: number): Policy => ({
  name,
  scope,
  quota,
  windowSeconds: 60,
  cost: 1,
  onStoreError: 'local',
  mode: 'enforce',
});
/** So that nothing is denied where allowing is measured: by one key, and by one that all share. */
const plenty = { own: 60_000, shared: 1_000_000_000 } as const;

/** Users are drawn in an order that visits all of them, the same for each contender. */
export function allowing(
  redis: Redis | Cluster,
  users: number,
  seed: number,
): { one: Contender[]; three: Contender[]; floors: Contender[] } {
  const order = shuffled(users, seed);
  const subjects = order.map((i) => ({ ip: `10.0.${i % 250}.1`, userId: `user-${i}` }));
  const ours = createRateLimiter({
    redis,
    deadlineMs: 5_000,
    localWindows: 50_000,
    policies: [
      policy('default', 'user', plenty.own),
      policy('address', 'ip', plenty.own),
      policy('global', 'global', plenty.shared),
    ],
  });
  const flexible = (keyPrefix: string) =>
    new RateLimiterRedis({ storeClient: redis, points: plenty.shared, duration: 60, keyPrefix });
  const single = flexible('single');
  const union = new RateLimiterUnion(flexible('a'), flexible('b'), flexible('c'));
  const [one, three] = [['default'], ['default', 'address', 'global']];
  const subject = (i: number) => subjects[i % users] ?? { ip: '10.0.0.1' };
  const user = (i: number) => subjects[i % users]?.userId ?? '';
  return {
    one: [
      {
        name: 'ours',
        does: 'sliding window, 1 rule',
        decide: (i) => ours.check(subject(i), one).then(({ outcome }) => outcome === 'allow'),
      },
      {
        name: 'rate-limiter-flexible',
        does: 'fixed window, 1 rule',
        decide: (i) =>
          single.consume(user(i)).then(
            () => true,
            () => false,
          ),
      },
    ],
    three: [
      {
        name: 'ours, 3 rules',
        does: 'sliding windows, all or nothing',
        decide: (i) => ours.check(subject(i), three).then(({ outcome }) => outcome === 'allow'),
      },
      {
        name: 'rate-limiter-flexible Union of 3',
        does: 'fixed windows, not atomic',
        decide: (i) =>
          union.consume(user(i)).then(
            () => true,
            () => false,
          ),
      },
    ],
    floors: [
      {
        name: 'INCR',
        does: 'one counter, no limit',
        decide: (i) => redis.incr(`floor:${user(i)}`).then(() => true),
      },
      { name: 'PING', does: 'nothing', decide: () => redis.ping().then(() => true) },
    ],
  };
}

/** The numbers below a length in an order that a seed makes. */
function shuffled(length: number, seed: number): number[] {
  const numbers = Array.from({ length }, (_, i) => i);
  const whole = fc.shuffledSubarray(numbers, { minLength: length, maxLength: length });
  return fc.sample(whole, { seed, numRuns: 1 })[0] ?? numbers;
}

/** Nine of ten requests come from users over their quota. */
export function denying(redis: Redis | Cluster): Contender[] {
  const quota = 50;
  const ours = createRateLimiter({ redis, deadlineMs: 5_000, policies: [policy('default', 'user', quota)] });
  const options = { storeClient: redis, points: quota, duration: 60 };
  const plain = new RateLimiterRedis({ ...options, keyPrefix: 'plain' });
  const blocking = new RateLimiterRedis({ ...options, keyPrefix: 'block', inMemoryBlockOnConsumed: quota });
  // The attackers are few and come again and again; every tenth request is of somebody new.
  const user = (i: number) => (i % 10 === 0 ? `honest-${i}` : `attacker-${i % 100}`);
  return [
    {
      name: 'ours',
      does: 'exact deny cache',
      decide: (i) =>
        ours
          .check({ ip: '10.0.0.1', userId: user(i) }, ['default'])
          .then(({ outcome }) => outcome === 'allow'),
    },
    {
      name: 'rate-limiter-flexible',
      does: 'default',
      decide: (i) =>
        plain.consume(user(i)).then(
          () => true,
          () => false,
        ),
    },
    {
      name: 'rate-limiter-flexible, inMemoryBlock',
      does: 'blocked to the end of the window',
      decide: (i) =>
        blocking.consume(user(i)).then(
          () => true,
          () => false,
        ),
    },
  ];
}
