import type { Cluster, Redis } from 'ioredis';
import type { GroupReply } from './batch.ts';
import { Batcher, type ObserveCall, type PendingRequest, StoreUnavailable } from './batcher.ts';
import type { Deadline } from './deadline.ts';
import type { Rule } from './rules.ts';
import { decideLua, refundLua } from './script.ts';
import { slotOf } from './slot.ts';
import { bucketLength } from './window.ts';

/**
 * Keeps the windows and decides requests by them. Uses `EVALSHA`, `EVAL`, `TIME`, `MGET`, `GETRANGE`, `SETRANGE`, `SET`,
 * `PEXPIRE`, `DEL`, and in a cluster the commands by which ioredis learns its slots.
 */
export interface Store {
  /** Decides a request by all of its rules: all or nothing. */
  add(request: PendingRequest): void;
  /** Deletes windows. */
  forget(keys: readonly string[]): Promise<void>;
}

/** The parts that a store works with. */
export interface StoreOptions {
  readonly redis: Redis | Cluster;
  readonly deadline: Deadline;
  readonly observe: ObserveCall;
}

/** Returns the store of a connection: one primary, or a cluster. */
export const createStore = (options: StoreOptions): Store =>
  isCluster(options.redis) ? new ClusterStore(options) : new SingleStore(options);

/** Returns true for a cluster. */
export const isCluster = (redis: Redis | Cluster): boolean => redis.isCluster;

/**
 * Returns the reply of a store to one request.
 * @throws StoreUnavailable
 */
export const decideBy = (store: Pick<Store, 'add'>, rules: readonly Rule[]): Promise<GroupReply> =>
  new Promise((resolve, failed) => {
    store.add({ rules, decided: (reply, position) => resolve(alone(rules, reply, position)), failed });
  });

/** Returns the reply to a group as the reply to the one request at a position. */
function alone(rules: readonly Rule[], { now, admitted, rules: states }: GroupReply, position: number) {
  return {
    now,
    admitted: position < admitted ? 1 : 0,
    rules: states.map((state, i) => {
      const followers = Math.max(0, state.admitted - 1 - position);
      return {
        ...state,
        admitted: position < state.admitted ? 1 : 0,
        sum: state.sum - followers * (rules[i]?.cost ?? 0),
      };
    }),
  };
}

type Script = (keyCount: number, ...args: (string | number | Buffer)[]) => Promise<unknown>;

function defineScripts(redis: Redis | Cluster): { decide: Script; refund: Script } {
  redis.defineCommand('rateLimitDecide', { lua: decideLua });
  redis.defineCommand('rateLimitRefund', { lua: refundLua });
  const { rateLimitDecideBuffer, rateLimitRefund } = redis as unknown as Record<string, Script>;
  if (!rateLimitDecideBuffer || !rateLimitRefund) throw new Error('the limiter scripts were not defined');
  return { decide: rateLimitDecideBuffer.bind(redis), refund: rateLimitRefund.bind(redis) };
}

/** All windows on one primary: every rule of a request in one call, together with the requests of the same turn. */
class SingleStore implements Store {
  readonly #batcher: Batcher;
  readonly #redis: Redis | Cluster;

  constructor({ redis, deadline, observe }: StoreOptions) {
    const { decide } = defineScripts(redis);
    this.#redis = redis;
    this.#batcher = new Batcher((keys, packed) => decide(keys.length, ...keys, packed), deadline, observe);
  }

  add(request: PendingRequest): void {
    this.#batcher.add(request);
  }

  async forget(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#redis.del(...keys);
  }
}

/** Units that were taken in one slot and may have to be given back. */
interface Taken {
  readonly rules: readonly Rule[];
  readonly now: number;
}

/**
 * Windows on the nodes of a cluster. Windows with one hash tag share a slot and are decided in one call. A request with rules
 * in several slots takes one call after the other, and the units of the first calls are given back when a later one denies.
 */
class ClusterStore implements Store {
  readonly #options: StoreOptions;
  readonly #scripts: ReturnType<typeof defineScripts>;
  /** By slot; at most 16384. */
  readonly #batchers = new Map<number, Batcher>();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#scripts = defineScripts(options.redis);
  }

  add(request: PendingRequest): void {
    this.#decide(request.rules).then(
      (reply) => request.decided(reply, 0),
      (error) =>
        request.failed(error instanceof StoreUnavailable ? error : new StoreUnavailable(false, error)),
    );
  }

  async #decide(rules: readonly Rule[]): Promise<GroupReply> {
    const states: GroupReply['rules'][number][] = new Array(rules.length);
    const taken: Taken[] = [];
    let now = 0;
    let isAdmitted = true;
    for (const positions of positionsBySlot(rules)) {
      const asked = positions.map((position) => withoutReserve(rules, position, states));
      let reply: GroupReply;
      try {
        reply = await decideBy(this.#batcher(slotOf(asked[0]?.key ?? '')), asked);
      } catch (error) {
        await this.#refund(taken);
        throw error;
      }
      now = reply.now;
      positions.forEach((position, i) => {
        states[position] = reply.rules[i] as GroupReply['rules'][number];
      });
      isAdmitted = reply.admitted > 0;
      if (!isAdmitted) break;
      taken.push({ rules: asked, now });
    }
    if (!isAdmitted) await this.#refund(taken);
    // Rules that were not decided any more did not deny.
    const open = { admitted: 1, sum: 0, waitMs: 0, resetAt: now, nextAt: now };
    return { now, admitted: isAdmitted ? 1 : 0, rules: Array.from(states, (state) => state ?? open) };
  }

  async forget(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#options.redis.del(key)));
  }

  #batcher(slot: number): Batcher {
    let batcher = this.#batchers.get(slot);
    if (batcher === undefined) {
      const { deadline, observe } = this.#options;
      const send = (keys: readonly string[], packed: string) =>
        this.#scripts.decide(keys.length, ...keys, packed);
      batcher = new Batcher(send, deadline, observe);
      this.#batchers.set(slot, batcher);
    }
    return batcher;
  }

  /** Best effort: after a failed refund a request stays counted that was not served, never the other way round. */
  async #refund(taken: readonly Taken[]): Promise<void> {
    await Promise.allSettled(
      taken.map(({ rules, now }) => {
        const enforced = rules.filter(({ mode }) => mode === 'enforce');
        const args = enforced.flatMap(({ windowMs, cost }) => [
          Math.floor(now / bucketLength(windowMs)),
          cost,
        ]);
        return this.#scripts.refund(enforced.length, ...enforced.map(({ key }) => key), ...args);
      }),
    );
  }
}

/**
 * Returns the rule at a position. When the window of its source is in another slot, that window was decided before, so the
 * rule gets the quota that its source may use in place of a reserve.
 */
function withoutReserve(
  rules: readonly Rule[],
  position: number,
  states: readonly (GroupReply['rules'][number] | undefined)[],
): Rule {
  const rule = rules[position] as Rule;
  const source = states[position - 1];
  if (rule.reserve.units === 0 || source === undefined) return rule;
  const isLight = source.sum <= rule.reserve.perSource;
  return {
    ...rule,
    quota: isLight ? rule.quota : rule.quota - rule.reserve.units,
    reserve: { units: 0, perSource: 0 },
  };
}

/** Returns the positions of the rules by slot, in the order of the slots' first appearance. */
function positionsBySlot(rules: readonly Rule[]): number[][] {
  const slots = new Map<number, number[]>();
  rules.forEach(({ key }, position) => {
    const slot = slotOf(key);
    const positions = slots.get(slot);
    if (positions) positions.push(position);
    else slots.set(slot, [position]);
  });
  return [...slots.values()];
}
