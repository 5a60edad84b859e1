/** Reads the limiter's answer headers, and says where two of them contradict each other. */

/** One member of a `RateLimit` or `RateLimit-Policy` list (draft-ietf-httpapi-ratelimit-headers-10). */
export interface Item {
  readonly policy: string;
  readonly parameters: Readonly<Record<string, number>>;
}

/** Header names as they come: any case. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** Parses a list of quoted names with integer parameters, `"default";r=99;t=1, "global";r=5`; others are left out. */
export function parseItems(field: string | undefined): Item[] {
  return (field ?? '').split(',').flatMap((member) => {
    const [name = '', ...rest] = member.split(';');
    const policy = /^\s*"([^"]+)"\s*$/.exec(name)?.[1];
    if (policy === undefined) return [];
    const parameters = rest.flatMap((parameter) => {
      const found = /^\s*([a-z]+)=(\d+)\s*$/.exec(parameter);
      return found ? [[found[1] as string, Number(found[2])] as const] : [];
    });
    return [{ policy, parameters: Object.fromEntries(parameters) }];
  });
}

/** What remains of a policy's quota, as an answer tells it. */
export function remainingOf(headers: Headers, policy: string): number | undefined {
  return parseItems(get(headers, 'RateLimit')).find((item) => item.policy === policy)?.parameters.r;
}

/**
 * What is wrong with the limiter's headers of one answer; empty when they are complete and agree.
 * @param longestWait of any policy, in seconds: no honest header asks for more, one second of rounding aside
 * @param now Unix seconds
 */
export function contradictions(status: number, headers: Headers, longestWait: number, now: number): string[] {
  const limit = number(headers, 'X-RateLimit-Limit');
  const remaining = number(headers, 'X-RateLimit-Remaining');
  const reset = number(headers, 'X-RateLimit-Reset');
  const retryAfter = number(headers, 'Retry-After');
  const quotas = new Map(
    parseItems(get(headers, 'RateLimit-Policy')).map(({ policy, parameters }) => [policy, parameters.q]),
  );
  const items = parseItems(get(headers, 'RateLimit'));
  // A few seconds of clock difference between this machine and Redis are not the limiter's fault.
  const latest = now + longestWait + 5;
  const agrees = items.some(
    ({ policy, parameters }) => parameters.r === remaining && quotas.get(policy) === limit,
  );
  const tightest = Math.min(
    ...items.map(({ policy, parameters }) => (parameters.r ?? 0) / (quotas.get(policy) ?? 1)),
  );
  const problems: [boolean, string][] = [
    [
      limit === undefined || remaining === undefined || reset === undefined,
      'an X-RateLimit header is missing',
    ],
    [items.length === 0 || quotas.size === 0, 'RateLimit or RateLimit-Policy is missing'],
    [items.length > 0 && !agrees, 'X-RateLimit-* is the state of no policy in RateLimit'],
    [
      items.length > 0 && status < 400 && (remaining ?? 0) / (limit ?? 1) > tightest + 1e-9,
      'X-RateLimit-* is not of the tightest policy',
    ],
    [(reset ?? 0) > latest, 'X-RateLimit-Reset is later than any window'],
    [status === 429 && remaining !== 0, 'denied, and yet X-RateLimit-Remaining is not 0'],
    [
      status === 429 && (retryAfter === undefined || retryAfter < 1 || retryAfter > longestWait + 1),
      'Retry-After is missing or out of bounds',
    ],
    [status === 200 && retryAfter !== undefined, 'Retry-After on a success'],
  ];
  return problems.filter(([wrong]) => wrong).map(([, text]) => text);
}

function get(headers: Headers, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return Object.entries(headers).find(([key]) => key.toLowerCase() === wanted)?.[1];
}

function number(headers: Headers, name: string): number | undefined {
  const value = get(headers, name);
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
