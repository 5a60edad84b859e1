import type { Cluster, Redis } from 'ioredis';
import { subBuckets } from '../contract/policies.ts';
import type { Charge, RuleOutcome } from './encode.ts';
import { bucketLength } from './window.ts';

/** A window of a user, laid open. */
export interface Explanation {
  readonly policy: string;
  readonly mode: Charge['mode'];
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
  /** What was consumed, oldest first: start of the sub-bucket and units. */
  readonly buckets: readonly { readonly from: string; readonly units: number }[];
}

/** Where the counters of a stored window begin. */
const bodyAt = 21;

/** Reads one window as it is stored; what the script said of it is given. */
export async function explainWindow(
  redis: Redis | Cluster,
  charge: Charge,
  outcome: RuleOutcome | undefined,
  now: number,
): Promise<Explanation> {
  const { sum = 0, waitMs = 0, resetAt = now, nextAt = now } = outcome ?? {};
  const value = await redis.getrangeBuffer(charge.key, 0, -1);
  return {
    policy: charge.policy,
    mode: charge.mode,
    limit: charge.quota,
    windowSeconds: charge.windowMs / 1_000,
    cost: charge.cost,
    consumed: sum,
    remaining: Math.max(0, charge.quota - sum),
    wouldDeny: waitMs > 0,
    waitMs,
    nextFreeAt: iso(nextAt),
    resetAt: iso(resetAt),
    buckets: readBuckets(value, bucketLength(charge.windowMs), now),
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
