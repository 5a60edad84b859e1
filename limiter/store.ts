import calculateSlot from 'cluster-key-slot';
import { Cluster, type Redis } from 'ioredis';
import { Batcher, StoreUnavailable, type Waiting } from './batcher.ts';
import {
  type Charge,
  type Demand,
  demandOf,
  type GroupOutcome,
  outcomeAt,
  type RuleOutcome,
} from './encode.ts';
import { decideLua, refundLua } from './script.ts';
import { bucketLength } from './window.ts';

/**
 * Where windows are kept. Uses `EVALSHA`, `EVAL`, `TIME`, `MGET`, `GETRANGE`, `SETRANGE`, `SET`, `PEXPIRE`, `DEL`, and in a
 * cluster what ioredis asks of one (`CLUSTER SLOTS`).
 */
export interface Store {
  /** Decides a request by all of its rules: all or nothing. */
  ask(waiting: Waiting): void;
  /** Forgets windows. */
  forget(keys: readonly string[]): Promise<void>;
}

/** What a store needs to know. */
export interface StoreOptions {
  readonly redis: Redis | Cluster;
  readonly deadlineMs: number;
  readonly observe: (result: 'ok' | 'error' | 'timeout', seconds: number) => void;
}

/**
 * What the store says of one demand.
 * @throws StoreUnavailable
 */
export const decideBy = (store: Pick<Store, 'ask'>, demand: Demand): Promise<GroupOutcome> =>
  new Promise((resolve, failed) => {
    const decided = (outcome: GroupOutcome, position: number) =>
      resolve(outcomeAt(outcome, demand.charges, position));
    store.ask({ demand, decided, failed });
  });

/** The store of a connection: one primary, or a cluster. */
export const createStore = (options: StoreOptions): Store =>
  options.redis instanceof Cluster ? new ClusterStore(options) : new SingleStore(options);

type Script = (keyCount: number, ...args: (string | number | Buffer)[]) => Promise<unknown>;

/** Names the scripts carry on the connection. */
function defineScripts(redis: Redis | Cluster): { decide: Script; refund: Script } {
  redis.defineCommand('rateLimitDecide', { lua: decideLua });
  redis.defineCommand('rateLimitRefund', { lua: refundLua });
  const { rateLimitDecideBuffer, rateLimitRefund } = redis as unknown as Record<string, Script>;
  if (!rateLimitDecideBuffer || !rateLimitRefund) throw new Error('the limiter scripts were not defined');
  return { decide: rateLimitDecideBuffer.bind(redis), refund: rateLimitRefund.bind(redis) };
}

/** All windows on one primary: every rule of a request in one call, and the requests of a turn with it. */
class SingleStore implements Store {
  readonly #batcher: Batcher;
  readonly #redis: Redis | Cluster;

  constructor({ redis, deadlineMs, observe }: StoreOptions) {
    const { decide } = defineScripts(redis);
    this.#redis = redis;
    this.#batcher = new Batcher({
      send: (keys, packed) => decide(keys.length, ...keys, packed),
      deadlineMs,
      observe,
    });
  }

  ask(waiting: Waiting): void {
    this.#batcher.ask(waiting);
  }

  async forget(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#redis.del(...keys);
  }
}

/**
 * Windows on the nodes of a cluster. What shares a hash tag shares a slot and is decided in one call; a request whose
 * rules lie in several slots takes several calls, one after the other, and what the first ones took is given back
 * when a later one denies.
 */
class ClusterStore implements Store {
  readonly #options: StoreOptions;
  readonly #scripts: ReturnType<typeof defineScripts>;
  /** At most one per slot, 16384 in all. */
  readonly #batchers = new Map<number, Batcher>();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#scripts = defineScripts(options.redis);
  }

  ask(waiting: Waiting): void {
    this.#decide(waiting.demand).then(
      (outcome) => waiting.decided(outcome, 0),
      (error) =>
        waiting.failed(error instanceof StoreUnavailable ? error : new StoreUnavailable(false, error)),
    );
  }

  async #decide(demand: Demand): Promise<GroupOutcome> {
    const parts = splitBySlot(demand.charges);
    const rules: RuleOutcome[] = new Array(demand.charges.length);
    const taken: { charges: readonly Charge[]; now: number }[] = [];
    let last: GroupOutcome = { now: 0, admitted: 1, rules: [] };
    for (const { slot, charges, positions } of parts) {
      try {
        last = await decideBy(this.#batcher(slot), demandOf(charges));
      } catch (error) {
        await this.#refund(taken);
        throw error;
      }
      positions.forEach((position, i) => {
        const outcome = last.rules[i];
        if (outcome) rules[position] = outcome;
      });
      if (last.admitted === 0) {
        await this.#refund(taken);
        // The rules that were not asked are not known; they did not deny.
        return { ...last, rules: Array.from(rules, (rule) => rule ?? unasked(last.now)) };
      }
      taken.push({ charges, now: last.now });
    }
    return { ...last, rules };
  }

  async forget(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#options.redis.del(key)));
  }

  #batcher(slot: number): Batcher {
    let batcher = this.#batchers.get(slot);
    if (batcher === undefined) {
      const { deadlineMs, observe } = this.#options;
      const send = (keys: readonly string[], packed: string) =>
        this.#scripts.decide(keys.length, ...keys, packed);
      batcher = new Batcher({ send, deadlineMs, observe });
      this.#batchers.set(slot, batcher);
    }
    return batcher;
  }

  /** Best effort: a refund that fails leaves a request counted that was not served, never the other way round. */
  async #refund(taken: readonly { charges: readonly Charge[]; now: number }[]): Promise<void> {
    await Promise.allSettled(
      taken.map(({ charges, now }) => {
        const enforced = charges.filter(({ mode }) => mode === 'enforce');
        const args = enforced.flatMap(({ windowMs, cost }) => [
          Math.floor(now / bucketLength(windowMs)),
          cost,
        ]);
        return this.#scripts.refund(enforced.length, ...enforced.map(({ key }) => key), ...args);
      }),
    );
  }
}

interface Part {
  readonly slot: number;
  readonly charges: Charge[];
  /** Places of the charges in the request. */
  readonly positions: number[];
}

/** Charges by slot, in the order of their first appearance, with their places in the request. */
function splitBySlot(charges: readonly Charge[]): Part[] {
  const parts = new Map<number, Part>();
  charges.forEach((charge, position) => {
    const slot = calculateSlot(charge.key);
    const part: Part = parts.get(slot) ?? { slot, charges: [], positions: [] };
    part.charges.push(charge);
    part.positions.push(position);
    parts.set(slot, part);
  });
  return [...parts.values()];
}

const unasked = (now: number) => ({ admitted: 1, sum: 0, waitMs: 0, resetAt: now, nextAt: now });
