import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './connect.ts';

/** Keys that match a pattern, by the batch, from every primary. A key may come twice, as `SCAN` has it. */
export async function* scanKeys(redis: RedisClient, pattern: string): AsyncGenerator<string[]> {
  for (const node of redis instanceof Cluster ? redis.nodes('master') : [redis as Redis]) {
    let cursor = '0';
    do {
      const [next, found] = await node.scan(cursor, 'MATCH', pattern, 'COUNT', 500);
      cursor = next;
      if (found.length > 0) yield found;
    } while (cursor !== '0');
  }
}
