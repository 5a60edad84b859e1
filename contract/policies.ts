/**
 * Rate-limit policies as data: what is limited, for whom, and what happens when the store is away.
 * Pure: the service, the load tests (k6), the SLOs and the Pulumi program all load this file.
 */

/** Whose consumption a policy counts. `account` is the login name tried, before anyone is authenticated. */
export type Scope = 'global' | 'endpoint' | 'user' | 'user+operation' | 'account' | 'ip';

/** What a rule answers while Redis does not: admit, ask the warm local limiter, or refuse with 503. */
export type OnStoreError = 'open' | 'local' | 'closed';

/** `shadow` rules are evaluated and counted, and never deny. */
export type Mode = 'enforce' | 'shadow';

/** One rate-limit rule. */
export interface Policy {
  /** Unique, `^[a-z][a-z0-9-]{0,31}$`; the `policy` label of metrics and the name in `RateLimit` fields. */
  readonly name: string;
  readonly scope: Scope;
  /** Units admitted in **any** window of `windowSeconds`. */
  readonly quota: number;
  /** Length of the sliding window, in seconds, 1 to 86 400. */
  readonly windowSeconds: number;
  /** Units that one request consumes, 1 to `quota`. */
  readonly cost: number;
  readonly onStoreError: OnStoreError;
  readonly mode: Mode;
  /** Another quota for the users of a role. */
  readonly roles?: Readonly<Record<string, number>>;
  /** Another quota for single users, by account id; wins over `roles`. */
  readonly users?: Readonly<Record<string, number>>;
}

const perMinute = (
  name: string,
  scope: Scope,
  quota: number,
  onStoreError: OnStoreError = 'local',
): Policy => ({ name, scope, quota, windowSeconds: 60, cost: 1, onStoreError, mode: 'enforce' });

/** The policies a service starts with when no policy file is given. */
export const defaultPolicies: readonly Policy[] = [
  perMinute('default', 'user', 100),
  perMinute('intensive', 'user', 200),
  perMinute('login', 'account', 10, 'closed'),
  perMinute('login-address', 'ip', 30, 'closed'),
  perMinute('login-endpoint', 'endpoint', 600, 'closed'),
  perMinute('address', 'ip', 6_000),
  perMinute('global', 'global', 60_000),
];

/** Which policies a class of route is subject to; every request is also subject to `address` and `global`. */
export const routeClasses = {
  /** Ordinary operations of a signed-in user. */
  default: ['default'],
  /** Search, export and sync; not counted in `default`. */
  intensive: ['intensive'],
  /** Password checks: per account, per address and for the endpoint. */
  login: ['login', 'login-address', 'login-endpoint'],
  /** Everything without an identity. */
  anonymous: [],
} as const satisfies Record<string, readonly string[]>;

/** A key of {@link routeClasses}. */
export type RouteClass = keyof typeof routeClasses;

/** Sub-buckets per window; a denied request waits at most one of them longer than an exact log would ask. */
export const subBuckets = 60;
