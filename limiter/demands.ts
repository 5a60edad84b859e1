import { LRUCache } from 'lru-cache';
import type { Policy } from '../contract/policies.ts';
import { type Charge, type Demand, demandOf } from './encode.ts';
import type { Subject, WindowKeys } from './keys.ts';

/** Demands remembered per list of policies: a digest costs more than all else that a decision asks of Node. */
const mostDemands = 10_000;

/** Policies that are asked together. */
interface Plan {
  readonly policies: readonly Policy[];
  /** What of a subject decides which windows it is charged, and how much of them. */
  readonly wants: Readonly<Record<'user' | 'role' | 'account' | 'ip' | 'endpoint' | 'operation', boolean>>;
  readonly demands: LRUCache<string, Demand>;
}

/** Turns subjects into what they ask of the windows, by one set of policies. */
export class Demands {
  readonly policies: ReadonlyMap<string, Policy>;
  readonly #keys: WindowKeys;
  /** By the names of the policies that are asked together. */
  readonly #plans = new Map<string, Plan>();

  constructor(policies: readonly Policy[], keys: WindowKeys) {
    this.policies = new Map(policies.map((policy) => [policy.name, policy]));
    this.#keys = keys;
  }

  /**
   * The demand of a subject; equal ones are the same object while they are remembered.
   * @throws NoSubject when neither user nor address is known; RangeError for a policy that does not exist
   */
  for(subject: Subject, names: readonly string[]): Demand {
    const list = names.length === 1 ? (names[0] as string) : names.join();
    const plan = this.#plans.get(list) ?? this.#plan(list, names);
    const id = identify(subject, plan.wants);
    let demand = plan.demands.get(id);
    if (demand === undefined) {
      demand = demandOf(plan.policies.map((policy) => this.#charge(policy, subject)));
      plan.demands.set(id, demand);
    }
    return demand;
  }

  /** Every window that a user can have. */
  ofUser(userId: string, role: string | undefined, operations: readonly string[]): Charge[] {
    return [...this.policies.values()].flatMap((policy) => {
      if (policy.scope === 'user') return [this.#charge(policy, { ip: '', userId, role })];
      if (policy.scope === 'user+operation')
        return ['other', ...operations].map((operation) =>
          this.#charge(policy, { ip: '', userId, role, operation }),
        );
      return [];
    });
  }

  #plan(list: string, names: readonly string[]): Plan {
    const policies = names.map((name) => {
      const policy = this.policies.get(name);
      if (policy === undefined) throw new RangeError(`no rate-limit policy is named ${JSON.stringify(name)}`);
      return policy;
    });
    const has = (...scopes: Policy['scope'][]) => policies.some(({ scope }) => scopes.includes(scope));
    const plan = {
      policies,
      wants: {
        user: has('user', 'user+operation'),
        role: policies.some(({ roles }) => roles !== undefined),
        account: has('account'),
        ip: has('ip'),
        endpoint: has('endpoint'),
        operation: has('user+operation'),
      },
      demands: new LRUCache<string, Demand>({ max: mostDemands }),
    };
    this.#plans.set(list, plan);
    return plan;
  }

  #charge(policy: Policy, subject: Subject): Charge {
    const { userId = '', role = '' } = subject;
    return {
      key: this.#keys.key(policy, subject),
      policy: policy.name,
      quota: policy.users?.[userId] ?? policy.roles?.[role] ?? policy.quota,
      windowMs: policy.windowSeconds * 1_000,
      cost: policy.cost,
      mode: policy.mode,
    };
  }
}

/**
 * Equal for subjects that a plan charges alike, and only for them: what is of any length comes with its length or last, so
 * that no user id or account can be read as another's.
 */
function identify({ userId, role, account, ip, endpoint, operation }: Subject, wants: Plan['wants']): string {
  let id = '';
  if (wants.user) id = userId === undefined ? `?${ip}` : `=${userId}`;
  if (wants.account) id = (account === undefined ? `?${ip}\0` : part(account)) + id;
  if (wants.ip) id = `${ip}\0${id}`;
  if (wants.role) id = part(role) + id;
  if (wants.endpoint) id = part(endpoint) + id;
  if (wants.operation) id = part(operation) + id;
  return id;
}

const part = (text: string | undefined): string => (text === undefined ? '?' : `${text.length}=${text}`);
