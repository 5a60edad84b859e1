import type { Logger } from 'pino';
import { emit } from '../telemetry/events.ts';
import { primariesOf, type RedisClient } from './client.ts';

/** Milliseconds between two readings. */
const pollMs = 2_000;

/** A check that Redis has room for more data. */
export interface StoreRoom {
  readonly isFull: boolean;
  stop(): void;
}

/**
 * Watches how full Redis is (`INFO memory`), so that new data is refused while sessions, limits and deletes still have
 * room. Without `maxmemory`, or while Redis does not answer, nothing is refused for it.
 * @param fullPercent of `maxmemory`, of the fullest primary
 */
export function watchRoom(redis: RedisClient, fullPercent: number, log: Logger): StoreRoom {
  const room = { isFull: false, stop: () => clearInterval(timer) };
  const poll = async () => {
    const usedPercent = await readUsedPercent(redis).catch(() => undefined);
    if (usedPercent === undefined) return;
    const isFull = usedPercent >= fullPercent;
    if (isFull !== room.isFull)
      emit(log, isFull ? 'store_full' : 'store_has_room', { used_percent: usedPercent });
    room.isFull = isFull;
  };
  const timer = setInterval(poll, pollMs);
  timer.unref();
  redis.on('ready', () => void poll());
  return room;
}

async function readUsedPercent(redis: RedisClient): Promise<number> {
  const shares = await Promise.all(
    primariesOf(redis).map(async (node) => {
      const memory = await node.info('memory');
      const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
      const max = field('maxmemory');
      return max === 0 ? 0 : (field('used_memory') / max) * 100;
    }),
  );
  return Math.round(Math.max(0, ...shares));
}
