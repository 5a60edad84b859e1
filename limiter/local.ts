import { RecentCache } from './cache.ts';
import { type Decision, decide, stateOf } from './decision.ts';
import type { Rule } from './rules.ts';
import { add, bucketLength, emptyWindow, nextAt, resetAt, roll, type Window, waitUntil } from './window.ts';

/**
 * The same algorithm in this process, for when Redis does not answer. It is kept warm: admissions by Redis through this
 * replica are recorded here too, so that an outage is no fresh quota. While it decides, each replica enforces its share of
 * a quota, so that the fleet stays near it.
 */
export class LocalLimiter {
  readonly #windows: RecentCache<string, Window>;
  readonly #replicas: number;
  readonly #maxWindows: number;
  /** Requests that the store admitted and that are not in the windows yet, by list of rules. */
  readonly #recorded = new Map<readonly Rule[], number>();
  #enteredAt = 0;
  /** Units admitted without the store, by window, to be written back. */
  #owed = new Map<string, { rule: Rule; units: number }>();

  /**
   * @param replicas how many processes share a quota
   * @param maxWindows windows kept; the least recently used are dropped
   */
  constructor(replicas: number, maxWindows: number) {
    this.#replicas = replicas;
    this.#maxWindows = maxWindows;
    this.#windows = new RecentCache(maxWindows);
  }

  /** Records a request that the store admitted. Equal requests are counted, and entered into the windows once a second. */
  record(rules: readonly Rule[], now: number): void {
    if (Math.abs(now - this.#enteredAt) >= 1_000) this.#enter(now);
    this.#recorded.set(rules, (this.#recorded.get(rules) ?? 0) + 1);
  }

  #enter(now: number): void {
    for (const [rules, count] of this.#recorded) {
      // As of now, not of up to a second ago: a local copy may count too long, never too short.
      for (const rule of rules) if (rule.mode === 'enforce') add(this.#window(rule, now), rule.cost * count);
    }
    this.#recorded.clear();
    this.#enteredAt = now;
  }

  /**
   * Decides a request by this replica's share: all of the rules or none.
   * @param isOwed false when the store may have counted the request already, so that it must not be written back
   */
  decide(rules: readonly Rule[], now: number, isOwed = true): Decision {
    this.#enter(now);
    const shares = rules.map((rule) => this.share(rule));
    const windows = shares.map((rule) => this.#window(rule, now));
    const waits = shares.map((rule, i) =>
      waitOf(rule, windows[i] as Window, now, shares[i - 1], windows[i - 1]),
    );
    const isAdmitted = shares.every(({ mode }, i) => mode !== 'enforce' || waits[i] === 0);
    if (isAdmitted) {
      for (const [i, { cost }] of shares.entries()) add(windows[i] as Window, cost);
      if (isOwed) this.owe(rules.filter(({ mode }) => mode === 'enforce'));
    }
    const states = shares.map((rule, i) => {
      const window = windows[i] as Window;
      const length = bucketLength(rule.windowMs);
      return stateOf(rule, window.sum, {
        waitMs: waits[i] ?? 0,
        resetAt: resetAt(window, length, now),
        nextAt: nextAt(window, length, now),
      });
    });
    return decide('local', shares, states, isAdmitted, now);
  }

  /** Returns a rule with this replica's part of its quota and reserve, at least one request. */
  share(rule: Rule): Rule {
    const { quota, cost, reserve } = rule;
    if (this.#replicas === 1) return rule;
    const part = (units: number) => Math.floor(units / this.#replicas);
    const own = Math.max(cost, part(quota));
    const units = Math.min(part(reserve.units), own - cost);
    return { ...rule, quota: own, reserve: { units, perSource: Math.max(1, part(reserve.perSource)) } };
  }

  /** True when units were admitted that the store has not counted. */
  get isOwing(): boolean {
    return this.#owed.size > 0;
  }

  /** Returns and forgets the units that were admitted without the store and still count, as rules that write them back. */
  takeOwed(now: number): Rule[] {
    const owed = [...this.#owed.values()].map(
      ({ rule, units }): Rule => ({
        ...rule,
        cost: Math.min(units, this.#window(rule, now).sum),
        mode: 'force',
      }),
    );
    this.#owed = new Map();
    return owed.filter(({ cost }) => cost > 0);
  }

  /** Remembers units that the store has to count later. */
  owe(rules: readonly Rule[]): void {
    for (const rule of rules) {
      const owed = this.#owed.get(rule.key);
      if (owed) owed.units += rule.cost;
      // Bounded like the windows, because an attacker has many addresses.
      else if (this.#owed.size < this.#maxWindows) this.#owed.set(rule.key, { rule, units: rule.cost });
    }
  }

  /** Forgets windows, after a reset. */
  forget(rules: readonly Rule[]): void {
    for (const rule of rules) {
      this.#windows.delete(nameOf(rule));
      this.#owed.delete(rule.key);
    }
  }

  #window(rule: Rule, now: number): Window {
    const name = nameOf(rule);
    let window = this.#windows.get(name);
    if (window === undefined) {
      window = emptyWindow();
      this.#windows.set(name, window);
    }
    roll(window, bucketLength(rule.windowMs), now);
    return window;
  }
}

/** Returns the milliseconds until a rule admits one more request; 0 when it does now. */
function waitOf(rule: Rule, window: Window, now: number, source?: Rule, sourceWindow?: Window): number {
  const { quota, cost, reserve, windowMs } = rule;
  const length = bucketLength(windowMs);
  const wait = waitUntil(window, length, now, quota - reserve.units - cost);
  if (wait === 0 || reserve.units === 0 || !source || !sourceWindow || reserve.perSource < source.cost)
    return wait;
  // The reserve is for a source that is light and stays so with this request.
  const light = waitUntil(sourceWindow, bucketLength(source.windowMs), now, reserve.perSource - source.cost);
  return Math.min(wait, Math.max(light, waitUntil(window, length, now, quota - cost)));
}

/** The local copy starts anew after a reload that changes a window's length. */
const nameOf = ({ key, windowMs }: Rule): string => `${key} ${windowMs}`;
