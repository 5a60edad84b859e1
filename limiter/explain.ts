import type { Cluster, Redis } from 'ioredis';
import { subBuckets } from '../contract/policies.ts';
import type { GroupReply } from './batch.ts';
import type { Rule } from './rules.ts';
import { bucketLength } from './window.ts';

/** The state of one window of a user. */
export interface Explanation {
  readonly policy: string;
  readonly mode: Rule['mode'];
  readonly limit: number;
  readonly windowSeconds: number;
  readonly cost: number;
  readonly consumed: number;
  readonly remaining: number;
  readonly wouldDeny: boolean;
  /** Milliseconds until one request would be admitted; 0 when it would be now. */
  readonly waitMs: number;
  /** ISO instants. */
  readonly nextFreeAt: string;
  readonly resetAt: string;
  /** Consumption, oldest first: start of the sub-bucket and units. */
  readonly buckets: readonly { readonly from: string; readonly units: number }[];
}

/** Offset of the counters in a stored window. */
const bodyAt = 21;

/** Describes one window by its stored value and the script's reply. */
export async function explainWindow(
  redis: Redis | Cluster,
  rule: Rule,
  reply: GroupReply['rules'][number] | undefined,
  now: number,
): Promise<Explanation> {
  const { sum = 0, waitMs = 0, resetAt = now, nextAt = now } = reply ?? {};
  const value = await redis.getrangeBuffer(rule.key, 0, -1);
  return {
    policy: rule.policy,
    mode: rule.mode,
    limit: rule.quota,
    windowSeconds: rule.windowMs / 1_000,
    cost: rule.cost,
    consumed: sum,
    remaining: Math.max(0, rule.quota - sum),
    wouldDeny: waitMs > 0,
    waitMs,
    nextFreeAt: iso(nextAt),
    resetAt: iso(resetAt),
    buckets: readBuckets(value, bucketLength(rule.windowMs), now),
  };
}

function readBuckets(value: Buffer, lengthMs: number, now: number): Explanation['buckets'] {
  const width = (value.length - bodyAt) / subBuckets;
  if (width !== 2 && width !== 4) return [];
  const index = value.readDoubleBE(0);
  const current = value.readUInt32BE(13);
  const counted = Array.from({ length: subBuckets }, (_, i) => {
    const bucket = index - subBuckets + i;
    return { bucket, units: value.readUIntBE(bodyAt + (bucket % subBuckets) * width, width) };
  });
  const oldest = Math.floor(now / lengthMs) - subBuckets;
  return [...counted, { bucket: index, units: current }]
    .filter(({ bucket, units }) => units > 0 && bucket >= oldest)
    .map(({ bucket, units }) => ({ from: iso(bucket * lengthMs), units }));
}

const iso = (ms: number): string => new Date(ms).toISOString();
