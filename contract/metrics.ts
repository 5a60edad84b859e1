/**
 * Every metric of the service, once: type, help, unit, labels with their domains, buckets with a reason.
 * Panels, rules and alerts build only from it, so that a renamed metric or a wrong label does not compile.
 * Pure: the service, dashboards, SLOs and load tests load this file.
 */

/** A label with a closed set of values, or with an open one that a stated bound keeps small. */
export type Domain = readonly string[] | { readonly atMost: number; readonly because: string };

/** A metric's definition. Names end in their unit (`_seconds`, `_bytes`, `_total`, `_ratio`). */
export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: Readonly<Record<string, Domain>>;
  /** Upper bounds of a histogram's buckets, ascending, in the unit of the name. */
  readonly buckets?: readonly number[];
}

export const caseOperations = [
  'create',
  'read',
  'list',
  'search',
  'update',
  'delete',
  'export',
  'sync',
] as const;
/**
 * `failure`: the service failed, by an error, a missing store, a deadline or an export that broke (5xx).
 * `success`: the operation was done, or refused for a reason in the request (for example 404, 409, 412).
 * An operation that was refused before its handler (limits, roles, schema) or whose client left is not counted.
 */
export const outcomes = ['success', 'failure'] as const;
/** Names of the policies that may appear as a label; a policy file may bring others, at most 32 in all. */
const policyNames = { atMost: 32, because: 'policies are validated at start, at most 32' } as const;
const routes = { atMost: 64, because: 'route templates, never URLs; unknown paths are `unmatched`' } as const;
const methods = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'other'] as const;
/**
 * `aborted`: the client left before its answer, within five seconds. An answer that was still missing after five seconds,
 * or that broke after its headers, counts as `5xx`, because the service caused it.
 */
const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx', 'aborted'] as const;
const stores = ['data', 'limiter'] as const;

/** Around the latency objectives (100 ms, 250 ms): dense below, sparse above. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** Around the store deadline of 50 ms: a decision takes well under 1 ms on one network hop. */
const decisionBuckets = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1] as const;

/** All metrics by name. */
export const catalogue = {
  case_operations_total: {
    type: 'counter',
    help: 'Case operations by kind and outcome; only errors of the service are failures.',
    labels: { operation: caseOperations, status: outcomes },
  },
  case_operation_duration_seconds: {
    type: 'histogram',
    help: 'Duration of case operations, in seconds.',
    labels: { operation: caseOperations },
    buckets: requestBuckets,
  },
  active_users: {
    type: 'gauge',
    help: 'Distinct users of the fleet in the last five minutes; the same on every replica, query with max; absent without Redis.',
    labels: {},
  },
  offline_sync_queue_depth: {
    type: 'gauge',
    help: 'Offline operations not yet applied, at most 10,000 per user; the 20 deepest queues are named, the rest is `other`.',
    labels: {
      user_id: {
        atMost: 21,
        because: 'the 20 deepest queues and `other`; the fleet names at most 60 new users an hour',
      },
    },
  },
  cache_hit_ratio: {
    type: 'gauge',
    help: 'Hits over lookups of a cache in the last five minutes on this replica, 0 to 1; absent without lookups.',
    labels: { cache_type: ['case'] },
  },
  case_records_unreadable_total: {
    type: 'counter',
    help: 'Stored cases that could not be opened when they were read.',
    labels: {},
  },
  cache_lookups_total: {
    type: 'counter',
    help: 'Lookups of a cache by result.',
    labels: { cache_type: ['case'], result: ['hit', 'miss'] },
  },
  http_requests_total: {
    type: 'counter',
    help: 'HTTP requests by route template, method and status class.',
    labels: { route: routes, method: methods, status: statusClasses },
  },
  http_request_duration_seconds: {
    type: 'histogram',
    help: 'Duration of HTTP requests by route template, in seconds.',
    labels: { route: routes, method: methods },
    buckets: requestBuckets,
  },
  http_requests_in_flight: { type: 'gauge', help: 'HTTP requests being answered.', labels: {} },
  http_client_errors_total: {
    type: 'counter',
    help: 'Answers written on the raw socket, before any route is known.',
    labels: { code: ['400', '408', '431'] },
  },
  requests_refused_total: {
    type: 'counter',
    help: 'Requests refused to protect the service, by reason: quotas of an owner, bytes in flight, time, a full store.',
    labels: {
      reason: [
        'quota_cases',
        'quota_bytes',
        'bytes_user',
        'bytes_address',
        'bytes_process',
        'search_time',
        'store_full',
        'overload',
      ],
    },
  },
  ratelimit_decisions_total: {
    type: 'counter',
    help: 'Rate-limit decisions, one per request; policy is the denying rule, else the tightest.',
    labels: {
      policy: policyNames,
      decision: ['allow', 'deny', 'unavailable'],
      source: ['redis', 'deny_cache', 'local'],
    },
  },
  ratelimit_decision_duration_seconds: {
    type: 'histogram',
    help: 'Duration of rate-limit decisions by source, in seconds.',
    labels: { source: ['redis', 'deny_cache', 'local'] },
    buckets: decisionBuckets,
  },
  ratelimit_shadow_total: {
    type: 'counter',
    help: 'What shadow rules would have decided.',
    labels: { policy: policyNames, decision: ['allow', 'deny'] },
  },
  ratelimit_store_duration_seconds: {
    type: 'histogram',
    help: 'Duration of limiter calls to Redis, in seconds.',
    labels: { result: ['ok', 'error', 'timeout'] },
    buckets: decisionBuckets,
  },
  ratelimit_breaker_state: {
    type: 'gauge',
    help: 'Circuit breaker of the limiter store: 1 for the state it is in.',
    labels: { state: ['closed', 'open', 'half_open'] },
  },
  limiter_degraded: {
    type: 'gauge',
    help: '1 while decisions come from the local limiter, else 0.',
    labels: {},
  },
  ratelimit_local_admissions_total: {
    type: 'counter',
    help: 'Requests that the local limiter admitted while Redis was away.',
    labels: { policy: policyNames },
  },
  ratelimit_near_limit_users: {
    type: 'gauge',
    help: 'Users seen on this replica in the last minute with less than a tenth of a quota left.',
    labels: { policy: policyNames },
  },
  auth_login_total: {
    type: 'counter',
    help: 'Logins by result.',
    labels: { result: ['success', 'failure', 'throttled', 'overloaded'] },
  },
  auth_refresh_total: {
    type: 'counter',
    help: 'Refreshes by outcome.',
    labels: { outcome: ['rotated', 'replayed', 'reuse', 'invalid'] },
  },
  auth_token_rejected_total: {
    type: 'counter',
    help: 'Access tokens refused, by reason.',
    labels: {
      reason: [
        'missing',
        'malformed',
        'signature',
        'algorithm',
        'key',
        'type',
        'expired',
        'not_yet',
        'issuer',
        'audience',
        'claims',
        'revoked',
      ],
    },
  },
  authz_denied_total: {
    type: 'counter',
    help: 'Requests refused for lack of a role, by route template.',
    labels: { route: routes },
  },
  password_hash_queue_depth: {
    type: 'gauge',
    help: 'Password checks waiting for a hashing slot.',
    labels: {},
  },
  jwt_key_age_seconds: { type: 'gauge', help: 'Age of the signing key in use, in seconds.', labels: {} },
  tls_cert_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When the served certificate ends, Unix seconds.',
    labels: {},
  },
  process_draining: { type: 'gauge', help: '1 from SIGTERM until exit, else 0.', labels: {} },
  redis_up: {
    type: 'gauge',
    help: '1 while the connection of a role answers, else 0.',
    labels: { store: stores },
  },
  redis_command_duration_seconds: {
    type: 'histogram',
    help: 'Duration of Redis calls by role, in seconds.',
    labels: { store: stores },
    buckets: decisionBuckets,
  },
  redis_errors_total: { type: 'counter', help: 'Failed Redis calls by role.', labels: { store: stores } },
  sync_operations_total: {
    type: 'counter',
    help: 'Offline operations by result.',
    labels: { result: ['applied', 'duplicate', 'conflict', 'rejected'] },
  },
  sync_freshness_seconds: {
    type: 'histogram',
    help: 'Age of an offline operation when it is applied, in seconds.',
    labels: {},
    buckets: [1, 5, 15, 60, 300, 900, 3600, 14400, 86400],
  },
  traces_dropped_total: {
    type: 'counter',
    help: 'Spans lost in this process: the queue was full, or the collector did not take them.',
    labels: {},
  },
  log_lines_dropped_total: {
    type: 'counter',
    help: 'Log lines left out, by reason: sampled in a flood, or not writable.',
    labels: { reason: ['sampled', 'unwritable'] },
  },
  event_loop_lag_seconds: {
    type: 'gauge',
    help: 'Event-loop delay over the last ten seconds, in seconds.',
    labels: { quantile: ['0.5', '0.99'] },
  },
  event_loop_stall_seconds: {
    type: 'gauge',
    help: 'Longest event-loop delay since the last scrape, in seconds.',
    labels: {},
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the process started, Unix seconds.',
    labels: {},
  },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory, in bytes.', labels: {} },
  process_cpu_seconds_total: { type: 'counter', help: 'CPU time used, in seconds.', labels: {} },
  build_info: {
    type: 'gauge',
    help: '1, with the version and environment of this process.',
    labels: {
      version: { atMost: 2, because: 'old and new during a roll-out' },
      environment: ['local', 'dev', 'staging', 'prod'],
    },
  },
} as const satisfies Record<string, Definition>;

/** The catalogue's type: name to definition. */
export type Catalogue = typeof catalogue;
/** A metric's name. */
export type MetricName = keyof Catalogue;
type ValueOf<D> = D extends readonly (infer V)[] ? V : string;
/** The labels of a metric, each with the type of its domain. */
export type LabelsOf<N extends MetricName> = {
  [L in keyof Catalogue[N]['labels']]: ValueOf<Catalogue[N]['labels'][L]>;
};
