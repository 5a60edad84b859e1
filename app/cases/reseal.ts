import { defineScript, type RedisClient, scanKeys } from '../redis/client.ts';
import { type BoundFields, placeOf } from './case.ts';
import { type DataKeys, isCurrent, open, seal } from './crypto.ts';

/** How far a rotation is. */
export interface Progress {
  /** Cases looked at. */
  readonly seen: number;
  /** Cases that were sealed anew. */
  readonly resealed: number;
}

const pattern = 'cs:v1:{o:*}:case:*';
const keyForm = /^cs:v1:\{o:([A-Za-z0-9_-]+)\}:case:([A-Za-z0-9_-]+)$/;

/** Replaces the sealed text if it is still the one that was read: an update in between wins, and is under the new key. */
const replaceLua = `
if redis.call('HGET', KEYS[1], 'sealed') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'sealed', ARGV[2])
return 1`;

/**
 * Seals every case anew that is not under the active key or has an older form, while the service goes on. Started again after a kill it goes on
 * where it was, since what is done is not touched again. `SCAN`, `HGETALL`, `HGET`, `HSET`.
 * @returns what was done; once it ends, a key other than the active one is no longer needed
 * @throws Unreadable when a case was sealed with a key that is not there
 */
export async function resealCases(
  redis: RedisClient,
  keys: DataKeys,
  onProgress: (progress: Progress) => void = () => {},
): Promise<Progress> {
  const replace = defineScript(redis, 'replaceSealed', replaceLua);
  const progress = { seen: 0, resealed: 0 };
  for await (const found of scanKeys(redis, pattern)) {
    for (const key of found) {
      const [, ownerId = '', caseId = ''] = keyForm.exec(key) ?? [];
      progress.seen += 1;
      if (await reseal(key, ownerId, caseId)) progress.resealed += 1;
    }
    onProgress({ ...progress });
  }
  return progress;

  async function reseal(key: string, ownerId: string, caseId: string): Promise<boolean> {
    for (;;) {
      const { sealed, ...fields } = await redis.hgetall(key);
      if (sealed === undefined || isCurrent(sealed, keys)) return false;
      const place = placeOf(ownerId, caseId, fields as unknown as BoundFields);
      const anew = seal(open(sealed, place, keys), place, keys);
      if ((await replace([key], [sealed, anew])) === 1) return true;
    }
  }
}
