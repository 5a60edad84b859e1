import { defaultPolicies, type Policy } from './policies.ts';

/** Policies that are not valid, with every problem. */
export class InvalidPolicies extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`invalid rate-limit policies:\n${problems.join('\n')}`);
    this.problems = problems;
  }
}

const scopes = ['global', 'endpoint', 'user', 'user+operation', 'account', 'ip'];
const maxPolicies = 32;
/** Seconds. A sub-bucket of less than 1/60 s is too short for milliseconds; one of a day is 24 minutes. */
const window = { min: 1, max: 86_400 } as const;
/** Limit of the packed counters. */
const maxQuota = 2 ** 31;
const members = new Set([
  'name',
  'scope',
  'quota',
  'windowSeconds',
  'cost',
  'onStoreError',
  'mode',
  'roles',
  'users',
  'reserve',
]);

/**
 * Checks policies from a file or a caller. Returns them frozen.
 * @throws InvalidPolicies with every problem: the policy, the member, its value and the values allowed
 */
export function validatePolicies(input: unknown): readonly Policy[] {
  if (!Array.isArray(input) || input.length === 0 || input.length > maxPolicies) {
    throw new InvalidPolicies([`policies: must be a list of 1 to ${maxPolicies}`]);
  }
  const problems: string[] = [];
  const names = new Set<unknown>();
  input.forEach((policy: unknown, index) => {
    if (typeof policy !== 'object' || policy === null || Array.isArray(policy)) {
      problems.push(`policies[${index}]: must be an object`);
      return;
    }
    const p = policy as Record<keyof Policy, unknown>;
    const place =
      typeof p.name === 'string' ? `policies[${index}] "${p.name.slice(0, 40)}"` : `policies[${index}]`;
    const refuse = (member: string, value: unknown, may: string) =>
      problems.push(`${place}: ${member} is ${show(value)}, must be ${may}`);
    for (const member of Object.keys(p))
      if (!members.has(member)) refuse(member, 'unknown', [...members].join(', '));
    if (typeof p.name !== 'string' || !/^[a-z][a-z0-9-]{0,31}$/.test(p.name))
      refuse('name', p.name, '1 to 32 of a-z, 0-9 and -, a letter first');
    else if (names.has(p.name)) refuse('name', p.name, 'used once');
    names.add(p.name);
    if (!scopes.includes(p.scope as string)) refuse('scope', p.scope, `one of ${scopes.join(', ')}`);
    if (!isQuota(p.quota)) refuse('quota', p.quota, `an integer, 1 to ${maxQuota}`);
    if (!isBetween(p.windowSeconds, window.min, window.max))
      refuse('windowSeconds', p.windowSeconds, `an integer, ${window.min} to ${window.max}`);
    if (!isBetween(p.cost, 1, Number(p.quota))) refuse('cost', p.cost, 'an integer, 1 to the quota');
    if (!['open', 'local', 'closed'].includes(p.onStoreError as string))
      refuse('onStoreError', p.onStoreError, 'open, local or closed');
    if (!['enforce', 'shadow'].includes(p.mode as string)) refuse('mode', p.mode, 'enforce or shadow');
    for (const member of ['roles', 'users'] as const) {
      const overrides = p[member] ?? {};
      if (typeof overrides !== 'object') refuse(member, overrides, 'an object of quotas');
      else if (!String(p.scope).startsWith('user') && Object.keys(overrides).length > 0)
        refuse(member, overrides, 'absent: only scope user and user+operation have users');
      else {
        for (const [name, quota] of Object.entries(overrides)) {
          if (!isQuota(quota) || quota < Number(p.cost))
            refuse(`${member}.${name}`, quota, `an integer, the cost to ${maxQuota}`);
        }
      }
    }
    const { reserve } = p as { reserve?: { percent?: unknown; perSource?: unknown } | null };
    if (reserve !== undefined) {
      if (p.scope !== 'global' && p.scope !== 'endpoint')
        refuse('reserve', reserve, 'absent: only scope global or endpoint is shared');
      else if (
        Object.keys(reserve ?? {}).some((member) => member !== 'percent' && member !== 'perSource') ||
        !isBetween(reserve?.percent, 1, 90) ||
        !isBetween(reserve?.perSource, 1, maxQuota)
      )
        refuse('reserve', reserve, '{"percent": 1 to 90, "perSource": 1 or more}, integers');
    }
  });
  if (problems.length > 0) throw new InvalidPolicies(problems);
  return Object.freeze([...(input as Policy[])]);
}

/** Returns the names of policies that the route classes need and a list lacks. */
export function missingPolicies(policies: readonly Policy[]): string[] {
  return defaultPolicies
    .map(({ name }) => name)
    .filter((name) => name !== anonymous && !policies.some((policy) => policy.name === name));
}

/** Returns the policies with the default one for anonymous traffic where a list of release 0.1 has none. */
export function withAnonymous(policies: readonly Policy[]): readonly Policy[] {
  if (policies.some(({ name }) => name === anonymous)) return policies;
  return [...policies, ...defaultPolicies.filter(({ name }) => name === anonymous)];
}

const anonymous = 'anonymous';

const isBetween = (value: unknown, low: number, high: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high;
const isQuota = (value: unknown): value is number => isBetween(value, 1, maxQuota);
const show = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? String(value);
