import type { FastifyInstance } from 'fastify';
import type { RedisClient } from '../redis/client.ts';
import type { Metrics } from '../telemetry/metrics.ts';

const slotMs = 30_000;
/** The running slot and the ten before it: between 5 and 5.5 minutes. */
const slotsCounted = 11;
/** Milliseconds between two notes of this replica's users. */
const noteMs = 2_000;
const key = (slot: number) => `cs:v1:{active}:${slot}`;

/**
 * Feeds `active_users`: distinct users of the fleet in the last five minutes. Each replica notes the users it served in a
 * HyperLogLog per half minute (`PFADD`, `EXPIRE`) and asks for their union when it is scraped (`PFCOUNT`), so every
 * replica says the same, within 0.81 % for large numbers and 12 kB of memory for any number.
 * @returns how to stop it
 */
export function countActiveUsers(app: FastifyInstance, redis: RedisClient, metrics: Metrics): () => void {
  let served = new Set<string>();
  app.onSettled(({ request }) => {
    if (request.identity) served.add(request.identity.userId);
  });
  const note = async () => {
    if (served.size === 0) return;
    const users = [...served];
    served = new Set();
    const slot = key(Math.floor(Date.now() / slotMs));
    await redis.pfadd(slot, ...users);
    await redis.pexpire(slot, (slotsCounted + 1) * slotMs);
  };
  const timer = setInterval(() => void note().catch(() => {}), noteMs);
  timer.unref();
  metrics.active_users.collectWith(async () => {
    try {
      await note();
      const slot = Math.floor(Date.now() / slotMs);
      const slots = Array.from({ length: slotsCounted }, (_, i) => key(slot - i));
      metrics.active_users.set({}, await redis.pfcount(...slots));
    } catch {
      // Without Redis nothing is known; that Redis is away has metrics of its own.
      metrics.active_users.reset();
    }
  });
  return () => clearInterval(timer);
}
