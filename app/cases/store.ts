import { randomBytes } from 'node:crypto';
import { normaliseText } from '../http/text.ts';
import { defineScript, type RedisClient, releaseLua, type Script } from '../redis/client.ts';
import type { CaseCache } from './cache.ts';
import {
  type BoundFields,
  type Case,
  type CaseContent,
  type CaseStatus,
  caseKeys,
  type Expected,
  type Once,
  type Page,
  placeOf,
  type Scan,
  type StoredCase,
  type WriteOutcome,
} from './case.ts';
import { type DataKeys, open, seal, Unreadable } from './crypto.ts';
import { writeLua } from './write-script.ts';

/** Everything that bounds and observes a store. */
export interface CaseStoreOptions {
  /** Read at each use, since keys rotate. */
  readonly keys: () => DataKeys;
  readonly maxCases: number;
  /** Bytes of all cases of an owner. */
  readonly maxBytes: number;
  /** @throws when Redis is too full for more data */
  readonly assertRoom: () => void;
  readonly onUnreadable: (ownerId: string, id: string, error: Error) => void;
}

const format = 1;

/** Operations remembered per owner: a client that sends one again after so many others is not recognised. */
const maxOperations = 5_000;

/**
 * Cases in Redis, text sealed: `HGETALL`, `HMGET`, `HSTRLEN`, `HSET`, `ZADD`, `ZREM`,
 * `ZCARD`, `ZRANGE`, `ZREVRANGEBYLEX`, `ZREMRANGEBYSCORE`, `GET`, `SET`, `DEL`, `EXPIRE`, `EXISTS`, `TIME`. An update
 * names the version it is based on and is one call, so none is ever lost; fields of a newer release are left as they are.
 */
export class CaseStore {
  readonly #redis: RedisClient;
  readonly #write: Script;
  readonly #release: Script;
  readonly #cache: CaseCache;
  readonly #options: CaseStoreOptions;

  constructor(redis: RedisClient, cache: CaseCache, options: CaseStoreOptions) {
    this.#redis = redis;
    this.#write = defineScript(redis, 'writeCase', writeLua);
    this.#release = defineScript(redis, 'releaseIfHeld', releaseLua);
    this.#cache = cache;
    this.#options = options;
  }

  /** The quotas of an owner. */
  get limits(): { readonly cases: number; readonly bytes: number } {
    return { cases: this.#options.maxCases, bytes: this.#options.maxBytes };
  }

  /** Creates a case. A given id (an offline client's) that exists, whoever owns it, is a conflict. */
  async create(
    ownerId: string,
    content: CaseContent,
    id = randomBytes(16).toString('base64url'),
    once?: Once,
  ): Promise<WriteOutcome & { id: string }> {
    this.#options.assertRoom();
    const claimed = await this.#redis.set(caseKeys.owner(id), ownerId, 'NX');
    if (claimed === null && (await this.#redis.get(caseKeys.owner(id))) !== ownerId)
      return { id, outcome: 'conflict', version: 0 };
    const now = new Date().toISOString();
    const member = `${Date.now().toString(36).padStart(9, '0')}.${id}`;
    const life = randomBytes(6).toString('base64url');
    const outcome = await this.#apply(ownerId, id, 'create', undefined, once, [
      member,
      'format',
      format,
      'member',
      member,
      'createdAt',
      now,
      'life',
      life,
      ...this.#fields(ownerId, id, content, { createdAt: now, updatedAt: now, life, version: 1 }),
    ]);
    // Sent again after the case was deleted: there is nothing to own.
    if (outcome.outcome !== 'applied') await this.#disown(ownerId, id);
    // A delete of the id that the client chose may have come between.
    else if (once) await this.#redis.set(caseKeys.owner(id), ownerId, 'NX');
    return { id, ...outcome };
  }

  /** Changes a case that is still as expected. */
  async update(
    current: StoredCase,
    change: Partial<CaseContent>,
    { version, life = current.life }: Expected,
    once?: Once,
  ): Promise<WriteOutcome> {
    this.#options.assertRoom();
    const { ownerId, id, title, description, status, createdAt } = current;
    const content = { title, description, status, ...change };
    // What is not changed comes from `current`: on another version, even a later one that the caller foresaw, it would
    // undo a change. No case has version 0, so the script answers with a duplicate or a conflict.
    const isCurrent = version === current.version && life === current.life;
    const fields = { createdAt, updatedAt: new Date().toISOString(), life, version: version + 1 };
    return this.#apply(ownerId, id, 'update', { version: isCurrent ? version : 0, life }, once, [
      '',
      ...this.#fields(ownerId, id, content, fields),
    ]);
  }

  /** Deletes a case; only if it is still as expected, where something is. */
  async delete(ownerId: string, id: string, expected?: Expected, once?: Once): Promise<WriteOutcome> {
    const outcome = await this.#apply(ownerId, id, 'delete', expected, once, ['']);
    if (outcome.outcome === 'applied') this.#cache.delete(id);
    // Even if the case was already gone, because a retried delete may leave the record behind.
    if (outcome.outcome !== 'conflict') await this.#disown(ownerId, id);
    return outcome;
  }

  /** Removes the record of who owns a case that is not there; it lies in another slot, so no script can write both. */
  async #disown(ownerId: string, id: string): Promise<void> {
    if ((await this.#redis.exists(caseKeys.case(ownerId, id))) === 0)
      await this.#release([caseKeys.owner(id)], [ownerId]);
  }

  /**
   * The case of an owner, or `undefined`. Another's is not found, since it is not looked for.
   * @throws Unreadable when the stored text cannot be opened
   */
  async find(ownerId: string, id: string, scan?: Scan): Promise<StoredCase | undefined> {
    const key = caseKeys.case(ownerId, id);
    const cached = this.#cache.peek(id);
    if (cached?.ownerId === ownerId) {
      // These say whether the copy is still right: a deleted or changed case is never served, nor is one that an offline
      // client deleted and created again under its id, where versions start anew.
      const [version, createdAt, life] = await this.#redis.hmget(key, 'version', 'createdAt', 'life');
      if (version === String(cached.version) && (life ?? createdAt) === (cached.life || cached.createdAt)) {
        this.#cache.hit();
        return cached;
      }
    }
    return this.#read(ownerId, id, await this.#redis.hgetall(key), scan);
  }

  /** Returns the owner of a case, for roles that may know it. */
  async ownerOf(id: string): Promise<string | undefined> {
    return (await this.#redis.get(caseKeys.owner(id))) ?? undefined;
  }

  /** A page of an owner's cases, newest first, after a cursor that a page before it gave. */
  async list(ownerId: string, limit: number, cursor?: string, scan?: Scan): Promise<Page> {
    const entries = await this.scan(ownerId, limit, cursor, scan);
    return {
      items: entries.flatMap(({ item }) =>
        item === undefined || item === 'unreadable' ? [] : [toCase(item)],
      ),
      unreadable: entries.flatMap(({ id, item }) => (item === 'unreadable' ? [id] : [])),
      next: entries.length < limit ? null : (entries.at(-1)?.cursor ?? null),
    };
  }

  /**
   * Like {@link list}, each case with the cursor after it; without one where it was deleted meanwhile.
   * @throws when the signal of the scan is aborted
   */
  async scan(ownerId: string, limit: number, cursor?: string, scan?: Scan): Promise<ScanEntry[]> {
    scan?.signal?.throwIfAborted();
    const from = cursor === undefined ? '+' : `(${cursor}`;
    const members = await this.#redis.zrevrangebylex(caseKeys.index(ownerId), from, '-', 'LIMIT', 0, limit);
    scan?.signal?.throwIfAborted();
    return Promise.all(
      members.map(async (member) => {
        const id = member.slice(member.indexOf('.') + 1);
        const item = await this.find(ownerId, id, scan).catch((error: unknown) => {
          if (error instanceof Unreadable) return 'unreadable' as const;
          throw error;
        });
        return { id, cursor: member, item };
      }),
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
    expected: Expected | undefined,
    once: Once | undefined,
    rest: readonly (string | number)[],
  ): Promise<WriteOutcome> {
    const { maxCases, maxBytes } = this.#options;
    const keys = [
      caseKeys.case(ownerId, id),
      caseKeys.index(ownerId),
      caseKeys.use(ownerId),
      ...(once ? [caseKeys.operations(ownerId), caseKeys.operation(ownerId, once.operationId)] : []),
      ...(once?.lock ? [caseKeys.syncLock(ownerId)] : []),
    ];
    const [member = '', ...fields] = rest;
    const [outcome, number] = (await this.#write(keys, [
      kind,
      expected?.version ?? '',
      expected?.life ?? '*',
      member,
      once?.seconds ?? 0,
      once?.lock?.token ?? '',
      once?.lock?.seconds ?? 0,
      maxCases,
      maxBytes,
      maxOperations,
      once?.operationId ?? '',
      ...fields,
    ])) as [Exclude<WriteOutcome['outcome'], 'over_quota'> | 'cases' | 'bytes', number];
    if (outcome === 'cases' || outcome === 'bytes')
      return { outcome: 'over_quota', quota: outcome, used: number };
    return outcome === 'missing' || outcome === 'superseded' ? { outcome } : { outcome, version: number };
  }

  #fields(
    ownerId: string,
    id: string,
    { status, ...text }: CaseContent,
    bound: {
      readonly createdAt: string;
      readonly updatedAt: string;
      readonly life: string;
      readonly version: number;
    },
  ): (string | number)[] {
    const place = placeOf(ownerId, id, { ...bound, status, version: String(bound.version) });
    const sealed = seal(JSON.stringify(text), place, this.#options.keys());
    return ['status', status, 'updatedAt', bound.updatedAt, 'sealed', sealed];
  }

  #read(ownerId: string, id: string, fields: Record<string, string>, scan?: Scan): StoredCase | undefined {
    const { version, status, createdAt = '', updatedAt = '', sealed, life = '' } = fields;
    if (version === undefined || sealed === undefined) return undefined;
    const known = this.#cache.get(id, Number(version), life);
    if (known?.createdAt === createdAt) return known;
    const began = performance.now();
    const { title, description } = this.#open(ownerId, id, sealed, {
      status,
      version,
      createdAt,
      updatedAt,
      life,
    });
    // Releases that sealed in the older form did not normalise text.
    const normalised = sealed.startsWith('s1.') ? normaliseText : (text: string) => text;
    const read: StoredCase = {
      id,
      title: normalised(title),
      description: normalised(description),
      status: status as CaseStatus,
      version: Number(version),
      ownerId,
      createdAt,
      updatedAt,
      life,
    };
    this.#cache.put(read);
    if (scan) scan.workMs += performance.now() - began;
    return read;
  }

  #open(ownerId: string, id: string, sealed: string, fields: BoundFields): CaseContent {
    const { keys, onUnreadable } = this.#options;
    try {
      return JSON.parse(open(sealed, placeOf(ownerId, id, fields), keys())) as CaseContent;
    } catch (error) {
      onUnreadable(ownerId, id, error as Error);
      throw error instanceof Unreadable ? error : new Unreadable('a stored value is not what was written');
    }
  }
}

/** A case as the API shows it. */
export const toCase = ({ life: _life, ...shown }: StoredCase): Case => shown;

/** A place in an owner's list. */
interface ScanEntry {
  readonly id: string;
  readonly cursor: string;
  /** `undefined` where the case was deleted meanwhile. */
  readonly item: StoredCase | 'unreadable' | undefined;
}
