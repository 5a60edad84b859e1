import { setTimeout as sleep } from 'node:timers/promises';
import { defineScript, type RedisClient, releaseLua, scanKeys } from '../redis/client.ts';
import { caseKeys } from './case.ts';

const pattern = caseKeys.owner('*');
const keyForm = /^cs:v1:\{case:([A-Za-z0-9_-]+)\}$/;
/** Milliseconds: longer than a creation takes between its record and its case. */
const creationMs = 3_000;

/**
 * Removes records of who owns a case that is not there: a replica that died between the two writes of a creation or a
 * deletion leaves one. They are in different slots, so no script can write both. `SCAN`, `GET`, `EXISTS`, `DEL`.
 * @returns how many were removed
 */
export async function removeRecordsWithoutCase(redis: RedisClient): Promise<number> {
  const release = defineScript(redis, 'releaseIfHeld', releaseLua);
  const suspects = new Map<string, string>();
  for await (const found of scanKeys(redis, pattern))
    for (const key of found) {
      const owner = await redis.get(key);
      if (owner !== null && (await isMissing(key, owner))) suspects.set(key, owner);
    }
  if (suspects.size === 0) return 0;
  await sleep(creationMs);
  let removed = 0;
  for (const [key, owner] of suspects)
    if (await isMissing(key, owner)) removed += Number(await release([key], [owner]));
  return removed;

  async function isMissing(key: string, owner: string): Promise<boolean> {
    const id = keyForm.exec(key)?.[1];
    return id !== undefined && (await redis.exists(caseKeys.case(owner, id))) === 0;
  }
}
