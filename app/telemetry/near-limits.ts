import { LRUCache } from 'lru-cache';
import type { Decision, RateLimiter } from '../../limiter/index.ts';
import type { Metrics } from './metrics.ts';

/** Milliseconds for which a user who came close to a quota is counted. */
const counted = 60_000;
/** Users kept per policy. */
const maxUsers = 10_000;

/**
 * Feeds `ratelimit_near_limit_users`: how many users have less than a tenth of a quota left, so that limits can be
 * raised before anybody is refused. Returns a function to call with each decision.
 */
export function countNearLimits(
  limiter: RateLimiter,
  metrics: Metrics,
): (decision: Decision, userId: string) => void {
  const near = new Map<string, LRUCache<string, true>>();
  metrics.ratelimit_near_limit_users.collectWith(() => {
    metrics.ratelimit_near_limit_users.reset();
    for (const { name, scope } of limiter.policies) {
      if (!scope.startsWith('user')) continue;
      const users = near.get(name);
      users?.purgeStale();
      metrics.ratelimit_near_limit_users.set({ policy: name }, users?.size ?? 0);
    }
  });
  return ({ rules }, userId) => {
    for (const { policy, remaining, limit } of rules) {
      if (remaining * 10 >= limit) continue;
      const users = near.get(policy) ?? new LRUCache<string, true>({ max: maxUsers, ttl: counted });
      users.set(userId, true);
      near.set(policy, users);
    }
  };
}
