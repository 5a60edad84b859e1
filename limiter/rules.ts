import { createHash, createHmac } from 'node:crypto';
import type { Mode, OnStoreError, Policy, Scope } from '../contract/policies.ts';
import { RecentCache } from './cache.ts';
import { networksOf } from './network.ts';

/** The sender and the target of a request, as far as they are known when it is limited. */
export interface Subject {
  /** The client's address; behind trusted proxies the address that they report. */
  readonly ip: string;
  /** Account id of the verified identity. */
  readonly userId?: string | undefined;
  readonly role?: string | undefined;
  /** Login name that the request tries. */
  readonly account?: string | undefined;
  /** Route template, for `endpoint` policies. */
  readonly endpoint?: string | undefined;
  /** Name of the operation, for `user+operation` policies. */
  readonly operation?: string | undefined;
}

/** One policy applied to one subject: which window it counts in, how many units, and whether it binds. */
export interface Rule {
  readonly policy: string;
  readonly scope: Scope;
  /** Key of the window in Redis and in the local limiter. */
  readonly key: string;
  readonly quota: number;
  readonly windowMs: number;
  readonly cost: number;
  /** Units kept for light sources, and how many units make a source light; both 0 without a reserve. */
  readonly reserve: { readonly units: number; readonly perSource: number };
  readonly onStoreError: OnStoreError;
  /** `force` consumes whatever is left, to write back admissions of an outage. `peek` consumes nothing. */
  readonly mode: Mode | 'force' | 'peek';
}

/** Neither user nor address is known, so no rule applies: the request must be refused, not pooled with others. */
export class NoSubject extends Error {}

/** Lists of rules kept per set of policies; building one takes a digest, which costs more than the rest of a decision. */
const maxRemembered = 10_000;
/** A smaller share of a shared quota would refuse users only because they meet in one window. */
const minShardQuota = 1_000;

/** The policies that are decided together, and the members of a subject on which their windows depend. */
interface Plan {
  readonly policies: readonly Policy[];
  readonly uses: Readonly<Record<'user' | 'role' | 'account' | 'ip' | 'endpoint' | 'operation', boolean>>;
  readonly rules: RecentCache<string, readonly Rule[]>;
}

/** Builds the rules of subjects from one set of policies. */
export class RuleBuilder {
  readonly policies: ReadonlyMap<string, Policy>;
  readonly #keys: WindowKeys;
  /** By the names of the policies that are decided together. */
  readonly #plans = new Map<string, Plan>();

  constructor(policies: readonly Policy[], keys: WindowKeys) {
    this.policies = new Map(policies.map((policy) => [policy.name, policy]));
    this.#keys = keys;
  }

  /**
   * Returns the rules of a subject; for equal subjects the same list, as long as it is remembered.
   * @param cost units per rule in place of the policies' own, at most the quota
   * @throws NoSubject when neither user nor address is known; RangeError for an unknown policy
   */
  build(subject: Subject, names: readonly string[], cost?: number): readonly Rule[] {
    const list = names.length === 1 ? (names[0] as string) : names.join();
    const plan = this.#plans.get(list) ?? this.#plan(list, names);
    let id = identify(subject, plan.uses);
    if (cost !== undefined) id = `${cost}*${id}`;
    let rules = plan.rules.get(id);
    if (rules === undefined) {
      rules = plan.policies.flatMap((policy) => this.#rulesOf(policy, subject, cost));
      plan.rules.set(id, rules);
    }
    return rules;
  }

  /** Returns a rule for every window that a user can have. */
  ofUser(userId: string, role: string | undefined, operations: readonly string[]): readonly Rule[] {
    return [...this.policies.values()].flatMap((policy) => {
      if (policy.scope === 'user') return this.#rulesOf(policy, { ip: '', userId, role });
      if (policy.scope !== 'user+operation') return [];
      return ['other', ...operations].flatMap((operation) =>
        this.#rulesOf(policy, { ip: '', userId, role, operation }),
      );
    });
  }

  #plan(list: string, names: readonly string[]): Plan {
    const policies = names.map((name, i) => {
      const policy = this.policies.get(name);
      if (policy === undefined) throw new RangeError(`no rate-limit policy is named ${JSON.stringify(name)}`);
      if (policy.reserve && i === 0)
        throw new RangeError(`${name} has a reserve: list the policy that counts its source before it`);
      return policy;
    });
    const has = (...scopes: Scope[]) => policies.some(({ scope }) => scopes.includes(scope));
    const plan: Plan = {
      policies,
      uses: {
        user: has('user', 'user+operation') || this.#keys.shards > 1,
        role: policies.some(({ roles }) => roles !== undefined),
        account: has('account'),
        ip: has('ip'),
        endpoint: has('endpoint'),
        operation: has('user+operation'),
      },
      rules: new RecentCache(maxRemembered),
    };
    this.#plans.set(list, plan);
    return plan;
  }

  #rulesOf(policy: Policy, subject: Subject, cost = policy.cost): Rule[] {
    const { userId = '', role = '' } = subject;
    const quota = policy.users?.[userId] ?? policy.roles?.[role] ?? policy.quota;
    const { percent = 0, perSource = 0 } = policy.reserve ?? {};
    return this.#keys.windowsOf(policy, subject).map(({ key, factor }) => {
      const scaled = Math.max(1, Math.floor(quota * factor));
      const units = Math.floor((scaled * percent) / 100);
      return {
        policy: policy.name,
        scope: policy.scope,
        key,
        quota: scaled,
        windowMs: policy.windowSeconds * 1_000,
        // A costlier request would never be admitted.
        cost: Math.min(Math.max(1, Math.ceil(cost)), scaled - units),
        reserve: { units, perSource },
        onStoreError: policy.onStoreError,
        mode: policy.mode,
      };
    });
  }
}

/**
 * Names the windows. Key parts are digests of fixed length, so that no user id can name the window of another, and Redis
 * holds no personal data. All windows of one user share a hash tag, and so a slot of a cluster.
 */
export class WindowKeys {
  /** At most so many windows for a shared policy, so that a cluster spreads them over its slots. */
  readonly shards: number;
  readonly #secret: Buffer | undefined;

  /** @param secret makes digests that cannot be guessed from a list of users */
  constructor(secret?: Buffer, shards = 1) {
    this.#secret = secret;
    this.shards = shards;
  }

  /**
   * Returns the windows of a policy for a subject, each with its quota as a multiple of the policy's. A part that is not
   * known falls back to the address, never to a shared window.
   */
  windowsOf(policy: Policy, subject: Subject): { readonly key: string; readonly factor: number }[] {
    const { userId, account } = subject;
    switch (policy.scope) {
      case 'global':
        return [this.#shared(policy, policy.name, subject)];
      case 'endpoint':
        return [
          this.#shared(
            policy,
            `${policy.name}:${this.#short('endpoint', subject.endpoint ?? 'unmatched')}`,
            subject,
          ),
        ];
      case 'user':
      case 'user+operation':
        if (userId === undefined) return this.#addresses(policy, subject);
        return [{ key: this.#userKey(policy, userId, subject.operation), factor: 1 }];
      case 'account':
        if (account === undefined) return this.#addresses(policy, subject);
        return [{ key: `rl:v1:{${this.#digest('account', account)}}:${policy.name}`, factor: 1 }];
      case 'ip':
        return this.#addresses(policy, subject);
    }
  }

  #userKey(policy: Policy, userId: string, operation = 'other'): string {
    const key = `rl:v1:{${this.#digest('user', userId)}}:${policy.name}`;
    return policy.scope === 'user+operation' ? `${key}:${this.#short('operation', operation)}` : key;
  }

  #shared({ quota }: Policy, name: string, { userId, ip }: Subject): { key: string; factor: number } {
    const shards = Math.min(this.shards, Math.floor(quota / minShardQuota));
    if (shards <= 1) return { key: `rl:v1:{shared}:${name}`, factor: 1 };
    const source = this.#hash('source', userId ?? networksOf(ip).at(-1)?.name ?? '');
    return { key: `rl:v1:{shared-${source.readUInt16BE(0) % shards}}:${name}`, factor: 1 / shards };
  }

  #addresses(policy: Policy, subject: Subject): { key: string; factor: number }[] {
    const networks = networksOf(subject.ip);
    if (networks.length === 0) throw new NoSubject('neither user nor address is known');
    const widest = this.#digest('ip', networks.at(-1)?.name ?? '');
    return networks.map(({ name, factor }, i) => {
      // The narrowest has a tag of its own, as in releases that counted no other. The wider ones share a slot.
      if (i === 0) return { key: `rl:v1:{${this.#digest('ip', name)}}:${policy.name}`, factor };
      const part = i === networks.length - 1 ? '' : `:${this.#short('ip', name)}`;
      return { key: `rl:v1:{${widest}}:${policy.name}${part}`, factor };
    });
  }

  /** Returns 96 bits that stand for a value of a kind. */
  #digest(kind: string, value: string): string {
    return this.#hash(kind, value).toString('base64url', 0, 12);
  }

  /** Returns 72 bits: these names are few, and a shorter key fits into a smaller memory class of Redis. */
  #short(kind: string, value: string): string {
    return this.#digest(kind, value).slice(0, 12);
  }

  #hash(kind: string, value: string): Buffer {
    const hash = this.#secret ? createHmac('sha256', this.#secret) : createHash('sha256');
    return hash.update(`${kind}\0${value}`).digest();
  }
}

/**
 * Returns a text that is equal for subjects with the same windows, and only for them: each part of variable length has
 * its length before it or comes last, so that no user id or account can be read as another.
 */
function identify({ userId, role, account, ip, endpoint, operation }: Subject, uses: Plan['uses']): string {
  let id = '';
  if (uses.user) id = userId === undefined ? `?${ip}` : `=${userId}`;
  if (uses.account) id = (account === undefined ? `?${ip}\0` : sized(account)) + id;
  if (uses.ip) id = `${ip}\0${id}`;
  if (uses.role) id = sized(role) + id;
  if (uses.endpoint) id = sized(endpoint) + id;
  if (uses.operation) id = sized(operation) + id;
  return id;
}

const sized = (text: string | undefined): string => (text === undefined ? '?' : `${text.length}=${text}`);
