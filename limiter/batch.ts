import { subBuckets } from '../contract/policies.ts';
import { type Decision, decide, type RuleState, stateOf } from './decision.ts';
import type { Rule } from './rules.ts';
import { bucketLength } from './window.ts';

/** Equal requests of one batch. */
export interface Group {
  readonly rules: readonly Rule[];
  /** How many requests, at least 1. */
  readonly count: number;
}

const modes = { enforce: 0, shadow: 1, force: 2, peek: 3 } as const;
/** Bytes of the parts of a batch. */
const bytesOf = { head: 4, group: 3, pair: 4, rule: 26 } as const;

/**
 * Packs a batch for the script: the distinct windows as KEYS in the order of their first use, and one argument: the numbers
 * of groups and rules, per group its count and its pairs of window and rule, then the distinct rules. One argument costs
 * Node far less than hundreds. Numbers are written in base 128, because ioredis sends pure text in half the time.
 */
export function encodeBatch(groups: readonly Group[]): { keys: string[]; packed: string } {
  let size = bytesOf.head;
  for (const { rules } of groups) size += bytesOf.group + rules.length * (bytesOf.pair + bytesOf.rule);
  // Long enough for rules that all differ; unused bytes are not sent.
  const packed = Buffer.allocUnsafe(size);
  const keys = new Map<string, number>();
  const distinct: Rule[] = [];
  let at: number = bytesOf.head;
  for (const { rules, count } of groups) {
    at = put(packed, count, 2, at);
    packed[at++] = rules.length;
    for (const rule of rules) {
      let key = keys.get(rule.key);
      if (key === undefined) {
        key = keys.size + 1;
        keys.set(rule.key, key);
      }
      at = put(packed, key, 2, at);
      at = put(packed, numberOf(rule, distinct), 2, at);
    }
  }
  for (const { quota, windowMs, cost, mode, reserve } of distinct) {
    at = put(packed, quota, 5, at);
    at = put(packed, bucketLength(windowMs), 5, at);
    at = put(packed, cost, 5, at);
    packed[at++] = modes[mode];
    at = put(packed, reserve.units, 5, at);
    at = put(packed, reserve.perSource, 5, at);
  }
  put(packed, groups.length, 2, 0);
  put(packed, distinct.length, 2, 2);
  return { keys: [...keys.keys()], packed: packed.toString('latin1', 0, at) };
}

/** Writes a number in digits of 7 bits, the most significant first. Returns the position after it. */
function put(buffer: Buffer, value: number, digits: number, at: number): number {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    buffer[i] = rest % 128;
    rest = Math.floor(rest / 128);
  }
  return at + digits;
}

/** Returns the number of a rule in the table, and adds it when missing. A batch has few: a search beats a map. */
function numberOf(rule: Rule, distinct: Rule[]): number {
  for (let i = 0; i < distinct.length; i++) {
    const other = distinct[i] as Rule;
    if (
      other.quota === rule.quota &&
      other.windowMs === rule.windowMs &&
      other.cost === rule.cost &&
      other.mode === rule.mode &&
      other.reserve.units === rule.reserve.units &&
      other.reserve.perSource === rule.reserve.perSource
    )
      return i + 1;
  }
  return distinct.push(rule);
}

/** The script's answer to a group. */
export interface GroupReply {
  /** Unix milliseconds by the clock of Redis. */
  readonly now: number;
  /** How many of the group were admitted: the first ones. */
  readonly admitted: number;
  /** Per rule. `admitted` differs from that of the group for shadow rules. `sum` counts the whole group. */
  readonly rules: readonly (Pick<RuleState, 'waitMs' | 'resetAt' | 'nextAt'> & {
    readonly admitted: number;
    readonly sum: number;
  })[];
}

/** Returns the states of a group's rules after the request at a position. */
export function statesAt(rules: readonly Rule[], reply: GroupReply, position: number): RuleState[] {
  const states: RuleState[] = [];
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as Rule;
    const outcome = reply.rules[i] as GroupReply['rules'][number];
    // The sum includes the requests that follow in the group.
    const followers = outcome.admitted - 1 - position;
    states.push(stateOf(rule, followers > 0 ? outcome.sum - followers * rule.cost : outcome.sum, outcome));
  }
  return states;
}

/** Returns the decision on the request at a position of a group. */
export const decisionAt = (rules: readonly Rule[], reply: GroupReply, position: number): Decision =>
  decide('redis', rules, statesAt(rules, reply, position), position < reply.admitted, reply.now);

/** Bytes per rule of a reply: of a group that was admitted whole, and of any other. */
const bytesPerRule = { plain: 9, full: 18 } as const;

/**
 * Reads the script's reply.
 * @throws TypeError when it does not have the batch's shape
 */
export function decodeReply(groups: readonly Group[], reply: unknown): GroupReply[] {
  if (!Buffer.isBuffer(reply) || reply.length < 8) throw unexpected();
  const now = reply.readDoubleBE(0);
  const outcomes: GroupReply[] = [];
  let at = 8;
  for (const { rules, count } of groups) {
    const isPlain = reply[at] === 1;
    const size = isPlain ? bytesPerRule.plain : bytesPerRule.full;
    const first = at + (isPlain ? 1 : 3);
    const end = first + rules.length * size;
    if (end > reply.length) throw unexpected();
    const states: GroupReply['rules'][number][] = [];
    for (let i = 0; i < rules.length; i++) {
      const from = first + i * size;
      states.push(
        isPlain
          ? plainState(reply, from, count, (rules[i] as Rule).windowMs, now)
          : fullState(reply, from, now),
      );
    }
    outcomes.push({ now, admitted: isPlain ? count : reply.readUInt16BE(at + 1), rules: states });
    at = end;
  }
  if (at !== reply.length) throw unexpected();
  return outcomes;
}

const unexpected = () => new TypeError('unexpected reply of the limiter script');

/** Reads the tail of a window that was just written: its sub-bucket is the current one, and holds the newest units. */
function plainState(
  reply: Buffer,
  at: number,
  admitted: number,
  windowMs: number,
  now: number,
): GroupReply['rules'][number] {
  const length = bucketLength(windowMs);
  const resetAt = (Math.floor(now / length) + subBuckets + 1) * length;
  const age = reply[at] as number;
  return { admitted, sum: reply.readUInt32BE(at + 5), waitMs: 0, resetAt, nextAt: resetAt - age * length };
}

const fullState = (reply: Buffer, at: number, now: number): GroupReply['rules'][number] => ({
  admitted: reply.readUInt16BE(at),
  sum: reply.readUInt32BE(at + 2),
  waitMs: reply.readUInt32BE(at + 6),
  resetAt: now + reply.readUInt32BE(at + 10),
  nextAt: now + reply.readUInt32BE(at + 14),
});
