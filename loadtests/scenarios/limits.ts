import { type Policy, type RouteClass, routeClasses, type Scope } from '../../contract/policies.ts';
import { longestWaitSeconds, quotaFor, remainingSum } from './admissions.ts';
import { probeRequests } from './requests.ts';

/** One policy, put to the test: more requests than it admits, within one window, and what must come back. */
export interface Probe {
  /** The policy's name. */
  readonly policy: string;
  readonly scope: Scope;
  /** Requests sent, evenly over `seconds`. */
  readonly offered: number;
  readonly seconds: number;
  /** Exactly so many are admitted. */
  readonly admitted: number;
  /** Sum of the `r` of all admitted answers; absent for a shared window, which strangers do not see. */
  readonly remainingSum?: number;
  /** When it starts, in seconds, so that no earlier probe's requests are in its window. */
  readonly start: number;
  /** Accounts that its requests are spread over, addresses likewise; 1 when the policy counts by it. */
  readonly accounts: number;
  /** The class of the requests it sends. */
  readonly routeClass: RouteClass;
}

/** The probes to run, and which policies cannot be put to the test here, with the reason. */
export interface Plan {
  readonly probes: readonly Probe[];
  readonly skipped: readonly { readonly policy: string; readonly because: string }[];
  /** When the last probe ends, and the last wait that `Retry-After` asks of a user, in seconds. */
  readonly seconds: number;
}

/** The role of load accounts. */
export const loadRole = 'caseworker';
/** Scopes whose windows the answer to a stranger does not show. */
const hidden: readonly Scope[] = ['global', 'endpoint', 'account'];
/** A window shorter than this cannot be filled surely before it moves on. */
const shortestWindow = 10;
/** Room after a window, for what still runs after a probe, for clocks and slow answers, in seconds. */
const margin = 8;

/**
 * Lays the probes out in time. Policies that count by a key of their own run at once; those that share one
 * (an address, the login endpoint, everything) wait until the windows of the earlier ones are empty.
 * @param addresses how many client addresses the generator has
 */
export function planLimits(policies: readonly Policy[], addresses: number): Plan {
  const skipped: { policy: string; because: string }[] = [];
  const able = policies.filter((policy) => {
    const because = obstacle(policy, addresses);
    if (because !== undefined) skipped.push({ policy: policy.name, because });
    return because === undefined;
  });
  const probes: Probe[] = [];
  let start = 0;
  for (const phase of [0, 1, 2]) {
    // What the runner asked for beforehand, to make accounts, is in the shared windows too.
    if (phase > 0) start = Math.max(start, longestWindow(able) + margin);
    const now = able.filter((policy) => phaseOf(policy, addresses) === phase);
    const logins = now.filter(({ name }) => classOf(name) === 'login');
    const others = now.filter((policy) => !logins.includes(policy)).map((one) => probe(one, start));
    // Password hashing takes all processors, and would make the other probes' answers late.
    const after = Math.max(start, ...others.map((p) => p.start + p.seconds + 2));
    probes.push(...others, ...logins.map((policy) => probe(policy, after)));
    if (now.length > 0)
      start = Math.max(...probes.map((p) => p.start + p.seconds)) + longestWindow(able) + margin;
  }
  const wait = longestWindow(able);
  const ends = probes.map((p) => p.start + p.seconds + (p.scope.startsWith('user') ? wait : 0));
  return { probes, skipped, seconds: Math.ceil(Math.max(0, ...ends)) };
}

/** Returns the class of the requests that put a policy to the test. */
export function classOf(policy: string): RouteClass | undefined {
  const known = ['login', ...Object.keys(probeRequests)];
  const entries = Object.entries(routeClasses).filter(([name]) => known.includes(name)) as [
    RouteClass,
    readonly string[],
  ][];
  const found = entries.find(([, names]) => names.includes(policy))?.[0];
  return found ?? ((routeClasses.anonymous as readonly string[]).includes(policy) ? 'anonymous' : undefined);
}

function probe(policy: Policy, start: number): Probe {
  const quota = quotaFor(policy, loadRole);
  // The reserve is for sources that send little; those of a probe send more.
  const open = quota - Math.floor((quota * (policy.reserve?.percent ?? 0)) / 100);
  const admitted = Math.floor(open / policy.cost);
  const perAccount = 8;
  const routeClass = classOf(policy.name) as RouteClass;
  return {
    policy: policy.name,
    scope: policy.scope,
    offered: Math.ceil(admitted * 1.08) + 20,
    seconds: spanSeconds(policy, admitted),
    admitted,
    ...(hidden.includes(policy.scope)
      ? {}
      : { remainingSum: remainingSum({ quota, cost: policy.cost }, admitted) }),
    start,
    // More logins per account than this would meet the policy `login` first.
    accounts:
      routeClass === 'login' && policy.scope !== 'account' ? Math.ceil((admitted * 1.2) / perAccount) + 4 : 1,
    routeClass,
  };
}

/** Small quotas in a sixth of the window; large ones over most of it, for a generator that is not the bottleneck. */
function spanSeconds({ windowSeconds, scope }: Policy, admitted: number): number {
  const share = admitted > 10_000 ? 0.85 : admitted > 500 || scope === 'ip' ? 0.6 : 1 / 6;
  return Math.round(windowSeconds * share);
}

function phaseOf({ name, scope }: Policy, addresses: number): number {
  if (scope === 'global') return 2;
  if (scope === 'endpoint' || name === 'address') return 1;
  // With one address, the logins of the first phase count against it too.
  return scope === 'ip' && addresses === 1 ? 1 : 0;
}

function obstacle(policy: Policy, addresses: number): string | undefined {
  if (policy.name === 'global') return 'the users of a load test meet their own limits first';
  if (classOf(policy.name) === undefined) return 'no route of the load tests is subject to it';
  if (policy.mode === 'shadow') return 'it is in shadow mode and denies nothing';
  if (policy.windowSeconds < shortestWindow) return `its window is shorter than ${shortestWindow} s`;
  if (addresses === 1 && (policy.scope === 'endpoint' || policy.scope === 'global'))
    return 'one client address meets its own limit first; --local-ips gives more';
  return undefined;
}

function longestWindow(policies: readonly Policy[]): number {
  return Math.max(...policies.map(longestWaitSeconds));
}
