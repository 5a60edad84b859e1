import { subBuckets } from '../contract/policies.ts';
import { bucketLength } from './window.ts';

/** What one request asks of one rule: which window, how much of it, and whether the rule binds. */
export interface Charge {
  /** The window's key in Redis, and in the local limiter. */
  readonly key: string;
  readonly policy: string;
  readonly quota: number;
  readonly windowMs: number;
  readonly cost: number;
  /** `force` consumes whatever is left: admissions of an outage, written back. `peek` looks and consumes nothing. */
  readonly mode: 'enforce' | 'shadow' | 'force' | 'peek';
}

/** All that one request asks. */
export interface Demand {
  readonly charges: readonly Charge[];
  /** Equal for requests that ask the same of the same windows. */
  readonly signature: string;
  /** How often the store admitted it since the local limiter last took note. */
  recorded: number;
}

/** A demand of charges. */
export const demandOf = (charges: readonly Charge[]): Demand => ({
  charges,
  signature: charges
    .map(({ key, quota, windowMs, cost, mode }) => `${key} ${quota} ${windowMs} ${cost} ${mode}`)
    .join('\n'),
  recorded: 0,
});

/** Equal requests of one batch; they differ in who waits for the answer alone. */
export interface Group {
  readonly charges: readonly Charge[];
  /** How many requests, at least 1. */
  readonly count: number;
}

/** The state of a rule after a group was decided. */
export interface RuleOutcome {
  /** How many of the group this rule admitted. */
  readonly admitted: number;
  /** Units that count in the window now. */
  readonly sum: number;
  readonly waitMs: number;
  readonly resetAt: number;
  readonly nextAt: number;
}

/** What the script said of a group. */
export interface GroupOutcome {
  /** Redis' clock, Unix milliseconds. */
  readonly now: number;
  readonly admitted: number;
  readonly rules: readonly RuleOutcome[];
}

const modes = { enforce: 0, shadow: 1, force: 2, peek: 3 } as const;

/** What was said of one request of a group: those before the last see the sum by their followers' costs lower. */
export function outcomeAt(outcome: GroupOutcome, charges: readonly Charge[], position: number): GroupOutcome {
  return {
    now: outcome.now,
    admitted: position < outcome.admitted ? 1 : 0,
    rules: outcome.rules.map((rule, i) => ({ ...rule, sum: sumAt(rule, charges[i], position) })),
  };
}

/** The sum of a rule after the request at a position of its group; the script says that after the last one. */
export function sumAt(rule: RuleOutcome, charge: Charge | undefined, position: number): number {
  const followers = rule.admitted - 1 - position;
  return followers > 0 ? rule.sum - followers * (charge?.cost ?? 0) : rule.sum;
}

/**
 * Packs a batch for the script: the distinct windows as KEYS, in the order of their first use, and one argument: how many
 * groups and rules there are, per group its count and pairs of window and rule, then the rules. One argument costs Node far
 * less than hundreds; and numbers are written in base 128, since ioredis sends what is text alone in half the time.
 */
export function encodeBatch(groups: readonly Group[]): { keys: string[]; packed: string } {
  let size = bytesOf.head;
  for (const { charges } of groups) size += bytesOf.group + charges.length * (bytesOf.pair + bytesOf.rule);
  // As long as it would be if no two charges had a rule in common; what is not needed is not sent.
  const packed = Buffer.allocUnsafe(size);
  const keys = new Map<string, number>();
  const rules: Charge[] = [];
  let at: number = bytesOf.head;
  for (const { charges, count } of groups) {
    at = put(packed, count, 2, at);
    packed[at++] = charges.length;
    for (const charge of charges) {
      let key = keys.get(charge.key);
      if (key === undefined) {
        key = keys.size + 1;
        keys.set(charge.key, key);
      }
      at = put(packed, key, 2, at);
      at = put(packed, numberOf(charge, rules), 2, at);
    }
  }
  for (const { quota, windowMs, cost, mode } of rules) {
    at = put(packed, quota, 5, at);
    at = put(packed, bucketLength(windowMs), 5, at);
    at = put(packed, cost, 5, at);
    packed[at++] = modes[mode];
  }
  put(packed, groups.length, 2, 0);
  put(packed, rules.length, 2, 2);
  return { keys: [...keys.keys()], packed: packed.toString('latin1', 0, at) };
}

const bytesOf = { head: 4, group: 3, pair: 4, rule: 16 } as const;

/** Writes a number in digits of 7 bits, the most significant first. */
function put(buffer: Buffer, value: number, digits: number, at: number): number {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    buffer[i] = rest % 128;
    rest = Math.floor(rest / 128);
  }
  return at + digits;
}

/** The number of a charge's rule in the table, which gets it if it has not. A batch has few: a search beats a map. */
function numberOf(charge: Charge, rules: Charge[]): number {
  const { quota, windowMs, cost, mode } = charge;
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as Charge;
    if (rule.quota === quota && rule.windowMs === windowMs && rule.cost === cost && rule.mode === mode)
      return i + 1;
  }
  return rules.push(charge);
}

/**
 * Reads the script's reply.
 * @throws TypeError when it is not of the batch's shape
 */
export function decodeReply(groups: readonly Group[], reply: unknown): GroupOutcome[] {
  if (!Buffer.isBuffer(reply) || reply.length < 8) throw unexpected();
  const now = reply.readDoubleBE(0);
  const outcomes: GroupOutcome[] = [];
  let at = 8;
  for (const { charges, count } of groups) {
    const plain = reply[at] === 1;
    const first = at + (plain ? 1 : 3);
    const end = first + charges.length * (plain ? bytesPerRule.plain : bytesPerRule.full);
    if (end > reply.length) throw unexpected();
    const rules: RuleOutcome[] = [];
    for (const { windowMs } of charges) {
      const from = first + rules.length * (plain ? bytesPerRule.plain : bytesPerRule.full);
      rules.push(plain ? plainOutcome(reply, from, count, windowMs, now) : fullOutcome(reply, from, now));
    }
    outcomes.push({ now, admitted: plain ? count : reply.readUInt16BE(at + 1), rules });
    at = end;
  }
  if (at !== reply.length) throw unexpected();
  return outcomes;
}

/** Of a reply: per rule of a group that was admitted whole, and of another. */
const bytesPerRule = { plain: 9, full: 18 } as const;

const unexpected = () => new TypeError('unexpected reply of the limiter script');

/** From the tail of a window that was just written: its sub-bucket is the one of now, and holds the newest units. */
function plainOutcome(
  reply: Buffer,
  at: number,
  admitted: number,
  windowMs: number,
  now: number,
): RuleOutcome {
  const length = bucketLength(windowMs);
  const resetAt = (Math.floor(now / length) + subBuckets + 1) * length;
  const age = reply[at] as number;
  return { admitted, sum: reply.readUInt32BE(at + 5), waitMs: 0, resetAt, nextAt: resetAt - age * length };
}

const fullOutcome = (reply: Buffer, at: number, now: number): RuleOutcome => ({
  admitted: reply.readUInt16BE(at),
  sum: reply.readUInt32BE(at + 2),
  waitMs: reply.readUInt32BE(at + 6),
  resetAt: now + reply.readUInt32BE(at + 10),
  nextAt: now + reply.readUInt32BE(at + 14),
});
