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
}

/** A demand of charges. */
export const demandOf = (charges: readonly Charge[]): Demand => ({
  charges,
  signature: charges
    .map(({ key, quota, windowMs, cost, mode }) => `${key} ${quota} ${windowMs} ${cost} ${mode}`)
    .join('\n'),
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
const bytesPerRule = 18;

/**
 * Packs a batch for the script: the distinct windows as KEYS, and one binary argument with the rule table and, per
 * group, its count and pairs of window and rule. One argument costs Node far less than hundreds.
 * @param clock Unix milliseconds in place of Redis' clock, for tests; 0 for Redis' own
 */
export function encodeBatch(groups: readonly Group[], clock = 0): { keys: string[]; packed: Buffer } {
  const keys = new Map<string, number>();
  const rules = new Map<string, number>();
  const table: Charge[] = [];
  let pairs = 0;
  const references = groups.map(({ charges }) =>
    charges.map((charge) => {
      pairs++;
      const rule = `${charge.quota}/${charge.windowMs}/${charge.cost}/${charge.mode}`;
      if (!rules.has(rule)) rules.set(rule, table.push(charge));
      if (!keys.has(charge.key)) keys.set(charge.key, keys.size + 1);
      return [keys.get(charge.key) ?? 0, rules.get(rule) ?? 0] as const;
    }),
  );
  const packed = Buffer.allocUnsafe(8 + 2 + table.length * 13 + 2 + groups.length * 3 + pairs * 4);
  let at = packed.writeDoubleBE(clock, 0);
  at = packed.writeUInt16BE(table.length, at);
  for (const { quota, windowMs, cost, mode } of table) {
    at = packed.writeUInt32BE(quota, at);
    at = packed.writeUInt32BE(windowMs, at);
    at = packed.writeUInt32BE(cost, at);
    at = packed.writeUInt8(modes[mode], at);
  }
  at = packed.writeUInt16BE(groups.length, at);
  groups.forEach(({ count }, index) => {
    const pairsOfGroup = references[index] ?? [];
    at = packed.writeUInt16BE(count, at);
    at = packed.writeUInt8(pairsOfGroup.length, at);
    for (const [key, rule] of pairsOfGroup) {
      at = packed.writeUInt16BE(key, at);
      at = packed.writeUInt16BE(rule, at);
    }
  });
  return { keys: [...keys.keys()], packed };
}

/**
 * Reads the script's reply.
 * @throws TypeError when it is not of the batch's shape
 */
export function decodeReply(groups: readonly Group[], reply: unknown): GroupOutcome[] {
  const expected = 8 + groups.reduce((sum, { charges }) => sum + 2 + charges.length * bytesPerRule, 0);
  if (!Buffer.isBuffer(reply) || reply.length !== expected)
    throw new TypeError('unexpected reply of the limiter script');
  const now = reply.readDoubleBE(0);
  let at = 8;
  return groups.map(({ charges }) => {
    const admitted = reply.readUInt16BE(at);
    at += 2;
    const rules = charges.map((): RuleOutcome => {
      const outcome = {
        admitted: reply.readUInt16BE(at),
        sum: reply.readUInt32BE(at + 2),
        waitMs: reply.readUInt32BE(at + 6),
        resetAt: now + reply.readUInt32BE(at + 10),
        nextAt: now + reply.readUInt32BE(at + 14),
      };
      at += bytesPerRule;
      return outcome;
    });
    return { now, admitted, rules };
  });
}
