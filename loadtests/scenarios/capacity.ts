/** What users and their requests cost, by formula; the factors are measured, in `loadtests/capacity.json`. */

/** What the load tests and `bench:memory` wrote. */
export interface Capacity {
  /** The highest rate that kept the objectives. */
  readonly knee?: {
    readonly replicas: number;
    /** What these replicas carried together. */
    readonly requestsPerSecond: number;
    readonly cores: number;
    readonly cpu: string;
    /** Load average of the machine before it, and so from other work. */
    readonly loadBefore: number;
    readonly steps: readonly {
      readonly rate: number;
      readonly answered: number;
      readonly p95: number;
      readonly failed: number;
      readonly holds: boolean;
    }[];
  };
  readonly memory?: {
    readonly cpu: string;
    readonly cores: number;
    readonly rows: readonly {
      readonly users: number;
      readonly bytesPerWindow: number;
      readonly redisMicros: number;
    }[];
  };
}

/**
 * Bytes of Redis for the limiter's windows: one per user and policy that the user met within the last window.
 * @param bytesPerWindow measured, key and tables included
 */
export function limiterBytes(activeUsers: number, policiesPerUser: number, bytesPerWindow: number): number {
  return activeUsers * policiesPerUser * bytesPerWindow;
}

/** Decisions per second that one Redis core takes. @param micros of Redis per rule */
export function decisionsPerCore(rules: number, micros: number): number {
  return Math.floor(1e6 / (rules * micros));
}

/** How much of a Redis core one request's rules may keep busy, so that a burst does not wait. */
export const busyShare = 0.6;

/**
 * Redis cores, and so shards, that the limits of a rate take; less than one core is one server.
 * @param rules that each request meets
 * @param micros of Redis per rule
 */
export function shardsFor(requestsPerSecond: number, rules: number, micros: number): number {
  return Math.max(1, Math.ceil((requestsPerSecond * rules * micros) / 1e6 / busyShare));
}

/** Replicas for a rate, with one more than needed so that one may be away. */
export function replicasFor(requestsPerSecond: number, perReplica: number): number {
  return Math.ceil(requestsPerSecond / perReplica) + 1;
}
