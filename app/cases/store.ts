import { randomBytes } from 'node:crypto';
import { defineScript, type RedisClient, releaseLua, type Script } from '../redis/client.ts';
import type { CaseCache } from './cache.ts';
import { type Case, type CaseContent, type CaseStatus, caseKeys, placeOf } from './case.ts';
import { type DataKeys, open, seal } from './crypto.ts';

/** What became of a change. `duplicate`: the operation was applied before. `superseded`: its lock was lost. */
export type WriteOutcome =
  | { readonly outcome: 'applied' | 'duplicate'; readonly version: number }
  | { readonly outcome: 'conflict'; readonly version: number }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'superseded' };

/** A page of cases, newest first. */
export interface Page {
  readonly items: readonly Case[];
  /** Where the next page starts; `null` after the last one. */
  readonly next: string | null;
}

/** An operation that may arrive twice, and for how many seconds that is noticed. */
export interface Once {
  readonly operationId: string;
  readonly seconds: number;
  /** Without it still held nothing is written. */
  readonly lock?: Lock;
}

/** A holder of the owner's synchronisation lock, and for how many seconds each write renews it. */
export interface Lock {
  readonly token: string;
  readonly seconds: number;
}

const format = 1;

/**
 * Writes one case, its index entry and the record of the operation, all or nothing.
 * KEYS: case, index, and the operation's record where it is to be idempotent, and the lock where it is held. ARGV: kind,
 * expected version or '', index member, seconds to remember the operation, the lock's token, seconds to hold it, then
 * field and value pairs.
 */
const writeLua = `
local kind, expected = ARGV[1], ARGV[2]
if KEYS[4] then
  if redis.call('GET', KEYS[4]) ~= ARGV[5] then return {'superseded', 0} end
  redis.call('EXPIRE', KEYS[4], ARGV[6])
end
if KEYS[3] then
  local seen = redis.call('GET', KEYS[3])
  if seen then return {'duplicate', tonumber(seen)} end
end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or 0)
if kind == 'create' then
  if version > 0 then return {'conflict', version} end
  redis.call('ZADD', KEYS[2], 0, ARGV[3])
elseif version == 0 then return {'missing', 0}
elseif expected ~= '' and tonumber(expected) ~= version then return {'conflict', version} end
version = version + 1
if kind == 'delete' then
  redis.call('ZREM', KEYS[2], redis.call('HGET', KEYS[1], 'member'))
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'version', version, unpack(ARGV, 7))
end
if KEYS[3] then redis.call('SET', KEYS[3], version, 'EX', ARGV[4]) end
return {'applied', version}`;

/**
 * Cases in Redis, text sealed: `HGETALL`, `HMGET`, `HGET`, `HSET`, `ZADD`, `ZREM`, `ZREVRANGEBYLEX`, `GET`, `SET`, `DEL`, `EXPIRE`, `EXISTS`. An update
 * names the version it is based on and is one call, so none is ever lost; fields of a newer release are left as they are.
 */
export class CaseStore {
  readonly #redis: RedisClient;
  readonly #write: Script;
  readonly #release: Script;
  readonly #cache: CaseCache;
  readonly #keys: () => DataKeys;

  /** @param keys asked at each use, since they rotate */
  constructor(redis: RedisClient, cache: CaseCache, keys: () => DataKeys) {
    this.#redis = redis;
    this.#write = defineScript(redis, 'writeCase', writeLua);
    this.#release = defineScript(redis, 'releaseIfHeld', releaseLua);
    this.#cache = cache;
    this.#keys = keys;
  }

  /** Creates a case. A given id (an offline client's) that exists, whoever owns it, is a conflict. */
  async create(
    ownerId: string,
    content: CaseContent,
    id = randomBytes(16).toString('base64url'),
    once?: Once,
  ): Promise<WriteOutcome & { id: string }> {
    const claimed = await this.#redis.set(caseKeys.owner(id), ownerId, 'NX');
    if (claimed === null && (await this.#redis.get(caseKeys.owner(id))) !== ownerId)
      return { id, outcome: 'conflict', version: 0 };
    const now = new Date().toISOString();
    const member = `${Date.now().toString(36).padStart(9, '0')}.${id}`;
    const fields = [
      'format',
      format,
      'member',
      member,
      'createdAt',
      now,
      ...this.#fields(ownerId, id, content, now),
    ];
    const outcome = await this.#apply(ownerId, id, 'create', undefined, once, [member, ...fields]);
    // Sent again after the case was deleted: there is nothing to own.
    if (outcome.outcome !== 'applied') await this.#disown(ownerId, id);
    // A delete of the id that the client chose may have come between.
    else if (once) await this.#redis.set(caseKeys.owner(id), ownerId, 'NX');
    return { id, ...outcome };
  }

  /** Changes a case that is still at `version`. */
  async update(
    current: Case,
    change: Partial<CaseContent>,
    version: number,
    once?: Once,
  ): Promise<WriteOutcome> {
    const { ownerId, id, title, description, status } = current;
    const content = { title, description, status, ...change };
    // What is not changed comes from `current`: on another version, even a later one that the caller foresaw, it would
    // undo a change. No case has version 0, so the script answers with a duplicate or a conflict.
    const base = version === current.version ? version : 0;
    return this.#apply(ownerId, id, 'update', base, once, [
      '',
      ...this.#fields(ownerId, id, content, new Date().toISOString()),
    ]);
  }

  /** Deletes a case; with a version, only if it is still at it. */
  async delete(ownerId: string, id: string, version?: number, once?: Once): Promise<WriteOutcome> {
    const outcome = await this.#apply(ownerId, id, 'delete', version, once, ['']);
    if (outcome.outcome === 'applied') this.#cache.delete(id);
    // Whatever came of it: a delete whose answer was lost, and is sent again, may have left the record.
    if (outcome.outcome !== 'conflict') await this.#disown(ownerId, id);
    return outcome;
  }

  /** Removes the record of who owns a case that is not there; it lies in another slot, so no script can write both. */
  async #disown(ownerId: string, id: string): Promise<void> {
    if ((await this.#redis.exists(caseKeys.case(ownerId, id))) === 0)
      await this.#release([caseKeys.owner(id)], [ownerId]);
  }

  /** The case of an owner, or `undefined`: another's case is not found, since it is not looked for. */
  async find(ownerId: string, id: string): Promise<Case | undefined> {
    const key = caseKeys.case(ownerId, id);
    const cached = this.#cache.peek(id);
    if (cached?.ownerId === ownerId) {
      // These say whether the copy is still right: a deleted or changed case is never served, nor is one that an offline
      // client deleted and created again under its id, where versions start anew.
      const [version, createdAt] = await this.#redis.hmget(key, 'version', 'createdAt');
      if (version === String(cached.version) && createdAt === cached.createdAt) {
        this.#cache.hit();
        return cached;
      }
    }
    return this.#read(ownerId, id, await this.#redis.hgetall(key));
  }

  /** Who owns a case, for those who may know. */
  async ownerOf(id: string): Promise<string | undefined> {
    return (await this.#redis.get(caseKeys.owner(id))) ?? undefined;
  }

  /** A page of an owner's cases, newest first, after a cursor that a page before it gave. */
  async list(ownerId: string, limit: number, cursor?: string): Promise<Page> {
    const entries = await this.scan(ownerId, limit, cursor);
    return {
      items: entries.flatMap(({ item }) => (item === undefined ? [] : [item])),
      next: entries.length < limit ? null : (entries.at(-1)?.cursor ?? null),
    };
  }

  /** Like {@link list}, each case with the cursor after it; without one where it was deleted meanwhile. */
  async scan(
    ownerId: string,
    limit: number,
    cursor?: string,
  ): Promise<{ cursor: string; item: Case | undefined }[]> {
    const from = cursor === undefined ? '+' : `(${cursor}`;
    const members = await this.#redis.zrevrangebylex(caseKeys.index(ownerId), from, '-', 'LIMIT', 0, limit);
    return Promise.all(
      members.map(async (member) => ({
        cursor: member,
        item: await this.find(ownerId, member.slice(member.indexOf('.') + 1)),
      })),
    );
  }

  /** The version that an operation led to when it was applied, or `undefined`. */
  async appliedBefore(ownerId: string, operationId: string): Promise<number | undefined> {
    const version = await this.#redis.get(caseKeys.operation(ownerId, operationId));
    return version === null ? undefined : Number(version);
  }

  async #apply(
    ownerId: string,
    id: string,
    kind: 'create' | 'update' | 'delete',
    version: number | undefined,
    once: Once | undefined,
    rest: readonly (string | number)[],
  ): Promise<WriteOutcome> {
    const keys = [
      caseKeys.case(ownerId, id),
      caseKeys.index(ownerId),
      ...(once ? [caseKeys.operation(ownerId, once.operationId)] : []),
      ...(once?.lock ? [caseKeys.syncLock(ownerId)] : []),
    ];
    const [member = '', ...fields] = rest;
    const [outcome, now] = (await this.#write(keys, [
      kind,
      version ?? '',
      member,
      once?.seconds ?? 0,
      once?.lock?.token ?? '',
      once?.lock?.seconds ?? 0,
      ...fields,
    ])) as [WriteOutcome['outcome'], number];
    return outcome === 'missing' || outcome === 'superseded' ? { outcome } : { outcome, version: now };
  }

  #fields(
    ownerId: string,
    id: string,
    { status, ...text }: CaseContent,
    updatedAt: string,
  ): (string | number)[] {
    return [
      'status',
      status,
      'updatedAt',
      updatedAt,
      'sealed',
      seal(JSON.stringify(text), placeOf(ownerId, id), this.#keys()),
    ];
  }

  #read(ownerId: string, id: string, fields: Record<string, string>): Case | undefined {
    const { version, status, createdAt = '', updatedAt = '', sealed } = fields;
    if (version === undefined || sealed === undefined) return undefined;
    const known = this.#cache.get(id, Number(version), createdAt);
    if (known) return known;
    const { title, description } = JSON.parse(
      open(sealed, placeOf(ownerId, id), this.#keys()),
    ) as CaseContent;
    const read: Case = {
      id,
      title,
      description,
      status: status as CaseStatus,
      version: Number(version),
      ownerId,
      createdAt,
      updatedAt,
    };
    this.#cache.put(read);
    return read;
  }
}
