import { type Answer, send } from '../client.ts';
import type { Check, Context, Outcome } from '../types.ts';
import { CouldNotCheck } from '../types.ts';
import { judge } from './headers.ts';

/** The rate limiter from outside: exact, per user, told in every answer, and not to be talked out of it. */

const path = '/api/v1/cases';

/** One flood serves several checks: it can be made once a minute only. */
interface Flood {
  readonly limit: number;
  /** Units left after the first request, which may not have been the first of this minute. */
  readonly leftAtFirst: number;
  readonly answers: readonly Answer[];
  /** Requests after exhaustion that try to look like somebody else's. */
  readonly bypasses: ReadonlyMap<string, Answer>;
  /** Another user's request at that moment. */
  readonly bystander: Answer;
}

const floods = new WeakMap<Context, Promise<Flood>>();

export const limiterChecks: readonly Check[] = [
  {
    id: 'limiter-headers',
    group: 'limiter',
    expected:
      'X-RateLimit-Limit, -Remaining, -Reset, RateLimit-Policy and RateLimit on every answer, and consistent',
    remedy: 'Set the fields in the limiter’s hook, for refused and unknown routes too.',
    references: ['API4', 'draft-ietf-httpapi-ratelimit-headers-10'],
    async run(context) {
      const session = await context.session('caseworker');
      const answers = [
        await session.send({ path: '/api/v1/auth/me' }),
        await send(context.target, { path: '/nothing-here' }),
        await send(context.target, { path: '/api/v1/cases' }),
      ];
      return verdict(answers.flatMap(fieldProblems), 'present and consistent');
    },
  },
  {
    id: 'limiter-exact',
    group: 'limiter',
    expected: 'exactly the quota of concurrent requests is admitted, over all replicas',
    remedy: 'Decide in one atomic call on the shared store.',
    references: ['API4', 'ASVS 2.4.1'],
    needs: ['writes'],
    async run(context) {
      const { limit, leftAtFirst, answers } = await flood(context);
      const admitted = answers.filter(({ status }) => status === 200).length;
      const denied = answers.filter(({ status }) => status === 429).length;
      // Units used in an earlier run may come back while the flood lasts, hence the range.
      const ok = admitted >= leftAtFirst && admitted <= limit - 1 && admitted + denied === answers.length;
      return {
        ok,
        observed: `${admitted + 1} of ${limit} admitted (${leftAtFirst + 1} were free), ${denied} denied of ${answers.length + 1}`,
      };
    },
  },
  {
    id: 'limiter-429',
    group: 'limiter',
    expected: '429 is a problem "Rate limit exceeded" with a true Retry-After and every security header',
    remedy: 'Build it from the limiter’s decision.',
    references: ['API4', 'RFC 9457', 'ASVS 3.4.1'],
    needs: ['writes'],
    async run(context) {
      const denied = (await flood(context)).answers.find(({ status }) => status === 429);
      if (!denied) return { ok: false, observed: 'no 429 at all' };
      const retry = Number(denied.headers.get('retry-after'));
      const wrong = [
        ...(retry >= 1 && retry <= 61
          ? []
          : [`Retry-After: ${denied.headers.get('retry-after') ?? 'absent'}`]),
        ...(denied.body.includes('Rate limit exceeded') ? [] : ['another title']),
        ...(denied.headers.get('x-ratelimit-remaining') === '0' ? [] : ['X-RateLimit-Remaining is not 0']),
        ...problems(judge(denied, 429, context, true)),
      ];
      return verdict(wrong, `Retry-After ${retry}`);
    },
  },
  {
    id: 'limiter-isolation',
    group: 'limiter',
    expected: 'another user of the same address is not touched',
    remedy: 'Key the limit by the verified user.',
    references: ['API4'],
    needs: ['writes'],
    async run(context) {
      const { status } = (await flood(context)).bystander;
      return { ok: status === 200, observed: String(status) };
    },
  },
  {
    id: 'limiter-bypass',
    group: 'limiter',
    expected: 'no forged address, other spelling of the path, HEAD or fresh connection gives extra budget',
    remedy:
      'Key by the verified user, trust forwarded addresses from named proxies only, and count all routes.',
    references: ['API4', 'ASVS 4.1.3'],
    needs: ['writes'],
    async run(context) {
      const { bypasses } = await flood(context);
      const through = [...bypasses]
        .filter(([, { status }]) => status < 400)
        .map(([name, { status }]) => `${name}: ${status}`);
      return {
        ok: through.length === 0,
        observed: through.join('; ') || `${bypasses.size} tries, none got through`,
      };
    },
  },
];

function flood(context: Context): Promise<Flood> {
  const running = floods.get(context) ?? exhaust(context);
  floods.set(context, running);
  return running;
}

async function exhaust(context: Context): Promise<Flood> {
  const session = await context.session('other');
  // Signed in before, since a limiter that confuses users would refuse even that.
  const neighbour = await context.session('caseworker');
  const first = await session.send({ path });
  const { limit, left: leftAtFirst } = userQuota(first);
  if (first.status === 429)
    throw new CouldNotCheck('the second caseworker is limited at the moment; try again in a minute');
  if (!(limit > 0)) throw new CouldNotCheck('no RateLimit fields to know the quota by');
  if (limit > 1_000) throw new CouldNotCheck(`a quota of ${limit} is more than this check may send`);
  const answers = await inBatches(limit + 20, 20, () => session.send({ path }));
  const bypasses = new Map<string, Answer>();
  for (const [name, request] of Object.entries(disguises)) bypasses.set(name, await session.send(request));
  const bystander = await neighbour.send({ path });
  return { limit, leftAtFirst, answers, bypasses, bystander };
}

/** The user's own quota: the X- fields tell of the tightest rule, which may be the address's. */
function userQuota({ headers }: Answer): { limit: number; left: number } {
  const quota = /"default";\s*q=(\d+)/.exec(headers.get('ratelimit-policy') ?? '')?.[1];
  const left = /"default";\s*r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  return {
    limit: Number(quota ?? headers.get('x-ratelimit-limit')),
    left: Number(left ?? headers.get('x-ratelimit-remaining')),
  };
}

const disguises = {
  'X-Forwarded-For': { path, headers: { 'x-forwarded-for': '203.0.113.7' } },
  'X-Real-IP': { path, headers: { 'x-real-ip': '203.0.113.8' } },
  Forwarded: { path, headers: { forwarded: 'for=203.0.113.9' } },
  'X-User-Id': { path, headers: { 'x-user-id': 'somebody-else', 'x-request-id': 'fresh' } },
  HEAD: { method: 'HEAD', path },
  query: { path: `${path}?limit=1` },
  'double slash': { path: '//api/v1/cases' },
  'trailing slash': { path: `${path}/` },
  'upper case': { path: '/API/v1/cases' },
  'percent encoding': { path: '/api/v1/c%61ses' },
  me: { path: '/api/v1/auth/me' },
} as const;

async function inBatches<T>(count: number, atOnce: number, one: () => Promise<T>): Promise<readonly T[]> {
  const done: T[] = [];
  const worker = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      done.push(await one());
    }
  };
  let started = 0;
  await Promise.all(Array.from({ length: atOnce }, worker));
  return done;
}

function fieldProblems({ headers, status }: Answer): readonly string[] {
  const number = (name: string): number => Number(headers.get(name));
  const missing = [
    'x-ratelimit-limit',
    'x-ratelimit-remaining',
    'x-ratelimit-reset',
    'ratelimit-policy',
    'ratelimit',
  ].filter((name) => !headers.has(name));
  if (missing.length > 0) return [`${status}: no ${missing.join(', ')}`];
  const [limit, remaining, reset] = [
    number('x-ratelimit-limit'),
    number('x-ratelimit-remaining'),
    number('x-ratelimit-reset'),
  ];
  const seconds = reset - Date.now() / 1000;
  return [
    ...(remaining >= 0 && remaining <= limit ? [] : [`${status}: ${remaining} of ${limit} remain`]),
    ...(seconds > -5 && seconds <= 3_605
      ? []
      : [`${status}: X-RateLimit-Reset is ${Math.round(seconds)} s away`]),
  ];
}

function problems({ ok, observed }: Outcome): readonly string[] {
  return ok ? [] : [observed];
}

function verdict(wrong: readonly string[], fine: string): Outcome {
  return { ok: wrong.length === 0, observed: wrong.join('; ') || fine };
}
