import { randomBytes } from 'node:crypto';
import { isRole, type Role } from '../http/context.ts';
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
  /** Counts the changes that end sessions: what was issued under an older one no longer counts. */
  readonly generation: number;
}

/** What an admin may change; a new password, a disabling and a new role end the sessions. */
export interface UserChange {
  readonly role?: Role;
  readonly disabled?: boolean;
  readonly passwordHash?: string;
}

/** What the next request asks of an account. */
export interface Standing {
  readonly role: Role;
  readonly disabled: boolean;
  readonly generation: number;
}

/** All accounts share a hash tag, so that a script sees account, e-mail index and list in one slot. */
const key = {
  user: (id: string) => `cs:v1:{users}:id:${id}`,
  email: (email: string) => `cs:v1:{users}:email:${email}`,
  all: 'cs:v1:{users}:all',
} as const;

/** KEYS: user, email index, list. ARGV: id, email, then field and value pairs. Writes all or nothing. */
const createLua = `
if redis.call('SET', KEYS[2], ARGV[1], 'NX') == false then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('ZADD', KEYS[3], 0, ARGV[1])
return 1`;

/** KEYS: user. ARGV: what to add to the generation, then field and value pairs. Changes only what exists. */
const updateLua = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'generation', ARGV[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1`;

/** Accounts in Redis: `HGETALL`, `HMGET`, `HSET`, `HINCRBY`, `GET`, `SET`, `EXISTS`, `ZADD`, `ZRANGEBYLEX`. */
export class UserStore {
  readonly #redis: RedisClient;
  readonly #create: Script;
  readonly #update: Script;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#create = defineScript(redis, 'createUser', createLua);
    this.#update = defineScript(redis, 'updateUser', updateLua);
  }

  /** Creates an account; `undefined` when the e-mail is taken. */
  async create(email: string, role: Role, passwordHash: string): Promise<User | undefined> {
    const user: User = {
      id: randomBytes(16).toString('base64url'),
      email: normaliseEmail(email),
      role,
      disabled: false,
      createdAt: new Date().toISOString(),
    };
    const created = await this.#create(
      [key.user(user.id), key.email(user.email), key.all],
      [
        user.id,
        'format',
        1,
        'email',
        user.email,
        'role',
        role,
        'disabled',
        0,
        'createdAt',
        user.createdAt,
        'generation',
        0,
        'passwordHash',
        passwordHash,
      ],
    );
    return created === 1 ? user : undefined;
  }

  /** The account of a login name, or `undefined`: found out by as many calls either way, so that time tells nothing. */
  async findByEmail(email: string): Promise<UserWithPassword | undefined> {
    const id = await this.#redis.get(key.email(normaliseEmail(email)));
    return this.find(id ?? 'nobody');
  }

  /** The account of an id, or `undefined`. */
  async find(id: string): Promise<UserWithPassword | undefined> {
    return read(id, await this.#redis.hgetall(key.user(id)));
  }

  /** Accounts in the order of their ids, which tells nothing, after a given one. */
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

  /** Changes an account and ends its sessions; `undefined` when there is none. */
  async update(id: string, change: UserChange): Promise<User | undefined> {
    const fields = Object.entries({
      ...change,
      disabled: change.disabled === undefined ? undefined : Number(change.disabled),
    }).flatMap(([field, value]) => (value === undefined ? [] : [field, value]));
    const updated = await this.#update([key.user(id)], [1, ...fields]);
    const user = updated === 1 ? await this.find(id) : undefined;
    return user && publicPart(user);
  }

  /** Stores a hash made with new parameters; sessions go on. */
  async rehash(id: string, passwordHash: string): Promise<void> {
    await this.#update([key.user(id)], [0, 'passwordHash', passwordHash]);
  }

  /** What every authenticated request asks; `undefined` when the account is gone. */
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
