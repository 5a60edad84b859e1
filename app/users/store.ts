import { createHash, randomBytes } from 'node:crypto';
import { isRole, type Role } from '../http/context.ts';
import { unauthorized } from '../http/problem.ts';
import { normaliseEmail } from '../http/text.ts';
import { defineScript, type RedisClient, type Script } from '../redis/client.ts';

/** An account. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly disabled: boolean;
  readonly createdAt: string;
}

/** An account as login needs it. */
export interface UserWithPassword extends User {
  readonly passwordHash: string;
  /** Counts the changes that end sessions. A session of an older generation has ended. */
  readonly generation: number;
}

/** The fields that an admin may change. Each change ends the account's sessions. */
export interface UserChange {
  readonly role?: Role;
  readonly disabled?: boolean;
  readonly passwordHash?: string;
}

/** The facts about an account that decide the next request. */
export interface Standing {
  readonly role: Role;
  readonly disabled: boolean;
  readonly generation: number;
}

/** All accounts share a hash tag, so that a script can use account, e-mail index and list in one slot. */
const key = {
  user: (id: string) => `cs:v1:{users}:id:${id}`,
  /** The index holds digests, so that a list of keys names nobody. */
  email: (email: string) => `cs:v1:{users}:e:${createHash('sha256').update(email).digest('base64url')}`,
  /** The index of release 0.1; {@link UserStore.moveEmailIndex} replaces it. */
  oldEmail: (email: string) => `cs:v1:{users}:email:${email}`,
  all: 'cs:v1:{users}:all',
} as const;

/** True if an account is an admin now. A script that changes accounts decides it in the same step as the change. */
const isAdminLua = `
local function isAdmin(key)
  local a = redis.call('HMGET', key, 'role', 'disabled')
  return a[1] == 'admin' and a[2] ~= '1'
end`;

/** KEYS: user, e-mail index, list, old e-mail index, acting admin if any. ARGV: id, then field and value pairs. */
const createLua = `${isAdminLua}
if KEYS[5] and not isAdmin(KEYS[5]) then return 'forbidden' end
if redis.call('EXISTS', KEYS[4]) == 1 or not redis.call('SET', KEYS[2], ARGV[1], 'NX') then return 'taken' end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('ZADD', KEYS[3], 0, ARGV[1])
return 'created'`;

/**
 * KEYS: user, acting admin if any. ARGV: 1 the password hash that must still be stored, or '', 2 increment of the
 * generation, then field and value pairs. Returns the new generation, or why nothing was changed.
 * An admin may not take away the own access. So an enabled admin always remains: the one who acts.
 */
const updateLua = `${isAdminLua}
if redis.call('EXISTS', KEYS[1]) == 0 then return 'missing' end
if KEYS[2] and not isAdmin(KEYS[2]) then return 'forbidden' end
if ARGV[1] ~= '' and redis.call('HGET', KEYS[1], 'passwordHash') ~= ARGV[1] then return 'changed' end
if #ARGV > 2 then redis.call('HSET', KEYS[1], unpack(ARGV, 3)) end
return redis.call('HINCRBY', KEYS[1], 'generation', ARGV[2])`;

/** KEYS: old e-mail index, e-mail index. */
const moveLua = `
local id = redis.call('GET', KEYS[1])
if id then redis.call('SET', KEYS[2], id, 'NX') end
return redis.call('DEL', KEYS[1])`;

/** Accounts in Redis. */
export class UserStore {
  readonly #redis: RedisClient;
  readonly #create: Script;
  readonly #update: Script;
  readonly #move: Script;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#create = defineScript(redis, 'createUser', createLua);
    this.#update = defineScript(redis, 'updateUser', updateLua);
    this.#move = defineScript(redis, 'moveEmailIndex', moveLua);
  }

  /**
   * Creates an account; `undefined` when the e-mail address is taken.
   * @param by the id of the acting admin; absent for bootstrap users
   * @throws Problem 401 when `by` is no enabled admin any more
   */
  async create(email: string, role: Role, passwordHash: string, by?: string): Promise<User | undefined> {
    const user: User = {
      id: randomBytes(16).toString('base64url'),
      email: normaliseEmail(email),
      role,
      disabled: false,
      createdAt: new Date().toISOString(),
    };
    const { id, ...fields } = { ...user, disabled: 0, format: 1, generation: 0, passwordHash };
    const keys = [key.user(id), key.email(user.email), key.all, key.oldEmail(user.email)];
    const outcome = await this.#create(
      [...keys, ...(by === undefined ? [] : [key.user(by)])],
      [id, ...Object.entries(fields).flat()],
    );
    if (outcome === 'forbidden') throw unauthorized();
    return outcome === 'created' ? user : undefined;
  }

  /** Returns the account of a login name. Known and unknown names cost the same calls, so that time reveals nothing. */
  async findByEmail(email: string): Promise<UserWithPassword | undefined> {
    const name = normaliseEmail(email);
    const [id, oldId] = await Promise.all(
      [key.email(name), key.oldEmail(name)].map((one) => this.#redis.get(one)),
    );
    return this.find(id ?? oldId ?? 'nobody');
  }

  /** The account of an id, or `undefined`. */
  async find(id: string): Promise<UserWithPassword | undefined> {
    return read(id, await this.#redis.hgetall(key.user(id)));
  }

  /** Returns true if there is no account at all, as at the first start and after a loss of all data. */
  async isEmpty(): Promise<boolean> {
    return (await this.#redis.exists(key.all)) === 0;
  }

  /** Returns accounts in the order of their random ids, after a given one. */
  async list(after: string | undefined, limit: number): Promise<User[]> {
    const ids = await this.#redis.zrangebylex(
      key.all,
      after === undefined ? '-' : `(${after}`,
      '+',
      'LIMIT',
      0,
      limit,
    );
    const users = await Promise.all(ids.map((id) => this.find(id)));
    return users.flatMap((user) => (user === undefined ? [] : [publicPart(user)]));
  }

  /**
   * Changes an account and ends its sessions; `undefined` when there is none.
   * @param by the id of the acting admin
   * @throws Problem 401 when `by` is no enabled admin any more
   */
  async update(id: string, change: UserChange, by: string): Promise<User | undefined> {
    const { disabled, ...others } = change;
    const fields = Object.entries({
      ...others,
      ...(disabled === undefined ? {} : { disabled: Number(disabled) }),
    });
    const outcome = await this.#update([key.user(id), key.user(by)], ['', 1, ...fields.flat()]);
    if (outcome === 'forbidden') throw unauthorized();
    const user = outcome === 'missing' ? undefined : await this.find(id);
    return user && publicPart(user);
  }

  /**
   * Replaces a password that was just verified, and ends the sessions.
   * @returns the new generation, or `undefined` when the password was changed since it was read
   */
  async changePassword({ id, passwordHash }: UserWithPassword, newHash: string): Promise<number | undefined> {
    const outcome = await this.#update([key.user(id)], [passwordHash, 1, 'passwordHash', newHash]);
    return typeof outcome === 'number' ? outcome : undefined;
  }

  /** Stores a hash with new parameters if the password was not changed meanwhile; sessions go on. */
  async rehash({ id, passwordHash }: UserWithPassword, newHash: string): Promise<void> {
    await this.#update([key.user(id)], [passwordHash, 0, 'passwordHash', newHash]);
  }

  /** Replaces the e-mail index of release 0.1, whose keys hold addresses. Replicas of that release no longer find the accounts. */
  async moveEmailIndex(): Promise<void> {
    for (
      let page = await this.list(undefined, 100);
      page.length > 0;
      page = await this.list(page.at(-1)?.id, 100)
    )
      for (const { email } of page) await this.#move([key.oldEmail(email), key.email(email)], []);
  }

  /** Returns the facts that every authenticated request needs; `undefined` when the account is gone. */
  async standing(id: string): Promise<Standing | undefined> {
    const [role, disabled, generation] = await this.#redis.hmget(
      key.user(id),
      'role',
      'disabled',
      'generation',
    );
    if (!isRole(role)) return undefined;
    return { role, disabled: disabled === '1', generation: Number(generation) };
  }
}

function read(id: string, fields: Record<string, string>): UserWithPassword | undefined {
  const { email, role, disabled, createdAt, passwordHash, generation } = fields;
  if (email === undefined || passwordHash === undefined || createdAt === undefined || !isRole(role))
    return undefined;
  return {
    id,
    email,
    role,
    disabled: disabled === '1',
    createdAt,
    passwordHash,
    generation: Number(generation),
  };
}

const publicPart = ({ id, email, role, disabled, createdAt }: UserWithPassword): User => ({
  id,
  email,
  role,
  disabled,
  createdAt,
});
