/**
 * Rate-limit policies as data: what is limited, for whom, and what happens when the store is away.
 * Pure: the service, the load tests (k6), the SLOs and the Pulumi program all load this file.
 */

/** Whose consumption a policy counts. `account` is the login name tried, before anyone is authenticated. */
export type Scope = 'global' | 'endpoint' | 'user' | 'user+operation' | 'account' | 'ip';

/** The answer of a rule while Redis does not answer: admit, use the local limiter, or refuse with 503. */
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
  /** Only for `global` and `endpoint`: the part of the window that is kept for sources that used little of it. */
  readonly reserve?: Reserve;
}

/**
 * Keeps a shared window fair. A source is the user or address that the preceding policy of the request counts. A source
 * that used at most `perSource` units of its own window may fill the shared window up to its quota; any other source only
 * up to the rest without the reserve. So `reserve / perSource` sources always get their share, whatever all others send.
 */
export interface Reserve {
  /** The part of the quota that is kept, 1 to 90. */
  readonly percent: number;
  readonly perSource: number;
}

const perMinute = (
  name: string,
  scope: Scope,
  quota: number,
  onStoreError: OnStoreError = 'local',
): Policy => ({ name, scope, quota, windowSeconds: 60, cost: 1, onStoreError, mode: 'enforce' });

/**
 * The policies a service starts with when no policy file is given. Signed-in traffic and traffic without an identity have a
 * shared window each, so that strangers cannot use up the users' one.
 */
export const defaultPolicies: readonly Policy[] = [
  perMinute('default', 'user', 100),
  perMinute('intensive', 'user', 200),
  perMinute('login', 'account', 10, 'closed'),
  perMinute('login-address', 'ip', 30, 'closed'),
  { ...perMinute('login-endpoint', 'endpoint', 600, 'closed'), reserve: { percent: 50, perSource: 2 } },
  perMinute('address', 'ip', 6_000),
  { ...perMinute('anonymous', 'global', 20_000), reserve: { percent: 50, perSource: 5 } },
  { ...perMinute('global', 'global', 60_000), reserve: { percent: 40, perSource: 8 } },
];

/** The policies of each class of route. A shared policy stands after the policy that counts its source. */
export const routeClasses = {
  /** Ordinary operations of a signed-in user. */
  default: ['default', 'global'],
  /** Search, export and sync; not counted in `default`. */
  intensive: ['intensive', 'global'],
  /** Password checks: per account, per address and for the endpoint. Not in `anonymous`, which a flood may use up. */
  login: ['login', 'login-address', 'login-endpoint'],
  /** Everything without an identity, probes of the edge included. */
  anonymous: ['address', 'anonymous'],
} as const satisfies Record<string, readonly string[]>;

/** A key of {@link routeClasses}. */
export type RouteClass = keyof typeof routeClasses;

/** Sub-buckets per window; a denied request waits at most one of them longer than with an exact log. */
export const subBuckets = 60;
