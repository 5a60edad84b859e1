import { setTimeout as sleep } from 'node:timers/promises';
import { type Check, type Context, type Session, verdict } from '../check.ts';
import { type Answer, CouldNotCheck, type Request } from '../client.ts';
import { endSession, loginRequest } from '../run.ts';
import { judge } from './headers.ts';

const path = '/api/v1/cases';

/** One flood serves several checks, because it can be made once a minute only. */
interface Flood {
  readonly limit: number;
  /** Units left after the first request, which may not have been the first of this minute. */
  readonly leftAtFirst: number;
  readonly answers: readonly Answer[];
  /** Requests after exhaustion that try to pass for somebody else. */
  readonly bypasses: ReadonlyMap<string, Answer>;
  /** Another user's request at that moment. */
  readonly neighbour: Answer;
  /** The answer after Retry-After, where that is short enough to wait. */
  readonly afterRetry: Answer | null;
}

const floods = new WeakMap<Context, Promise<Flood>>();

export const limiterChecks: readonly Check[] = [
  {
    id: 'limiter-headers',
    group: 'limiter',
    control: 'LIM-1',
    expected:
      'X-RateLimit-Limit, -Remaining, -Reset, RateLimit-Policy and RateLimit on every answer, and they agree',
    remedy: 'Set the fields in the limiter’s hook, for refused and unknown routes too.',
    async run(context) {
      const session = await context.session('caseworker');
      const [first, second] = [
        await session.send({ path: '/api/v1/auth/me' }),
        await session.send({ path: '/api/v1/auth/me' }),
      ];
      const others = [await context.send({ path: '/nothing-here' }), await context.send({ path })];
      const [before, after] = [first, second].map(({ headers }) => policiesOf(headers).get('default')?.left);
      return verdict(
        [
          ...[first, second, ...others].flatMap(fieldFindings),
          // A unit may come back between the two, hence not exactly one less.
          ...(before !== undefined && after !== undefined && after > before
            ? [`the second request leaves ${after}, the first left ${before}`]
            : []),
        ],
        'present and consistent',
      );
    },
  },
  {
    id: 'limiter-quotas',
    group: 'limiter',
    control: 'LIM-1',
    expected:
      'no quota above the checklist’s: default 100, intensive 200, login 10, login-address 30 a minute; other limits by --policies FILE',
    remedy: 'Set the limits back, or name the policies in force with --policies FILE.',
    async run(context) {
      const session = await context.session('caseworker');
      const login = await context.send(loginRequest('security-verify@example.invalid', 'not-the-password'));
      const seen = new Map(
        [
          await session.send({ path: '/api/v1/auth/me' }),
          await session.send({ method: 'POST', path: `${path}/search`, body: '{"text":"security-verify"}' }),
          login,
        ].flatMap(({ headers }) => [...policiesOf(headers)]),
      );
      const wrong = context.quotas.flatMap(({ name, quota, windowSeconds }) => {
        const found = seen.get(name);
        if (!found) return demanded.includes(name) ? [`no policy ${name}`] : [];
        const isWithin = found.quota / found.window <= quota / windowSeconds && found.quota > 0;
        return isWithin ? [] : [`${name}: ${found.quota} in ${found.window} s`];
      });
      return verdict(wrong, [...seen].map(([name, { quota }]) => `${name} ${quota}`).join(', '));
    },
  },
  {
    id: 'limiter-forwarded',
    group: 'limiter',
    control: 'LIM-2',
    expected: 'a forged X-Forwarded-For, X-Real-IP or Forwarded gives no fresh address budget',
    remedy: 'Trust forwarded addresses from named proxies only.',
    async run({ send }) {
      const left = async (headers: Record<string, string>): Promise<number | undefined> =>
        policiesOf((await send({ path: '/nothing-here', headers })).headers).get('address')?.left;
      // The budget is shared with every check before, so it is well below its quota.
      for (let index = 0; index < 20; index += 1) await send({ path: '/nothing-here' });
      const before = await left({});
      if (before === undefined) throw new CouldNotCheck('no policy named address in RateLimit');
      const wrong: string[] = [];
      for (const [name, value] of Object.entries(forgedAddresses)) {
        const after = await left({ [name]: value });
        if (after === undefined || after > before + 15)
          wrong.push(`${name}: ${after} left instead of ${before}`);
      }
      return verdict(wrong, `${before} left for every spelling`);
    },
  },
  {
    id: 'limiter-exact',
    group: 'limiter',
    control: 'LIM-1',
    expected: 'exactly the quota of concurrent requests is admitted, over all replicas',
    remedy: 'Decide in one atomic call on the shared store.',
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
    control: 'LIM-1',
    expected:
      '429 is a problem "Rate limit exceeded" with the violated policy, every security header, and a Retry-After of 1 to 61 s after which the user is admitted',
    remedy: 'Build it from the limiter’s decision.',
    needs: ['writes'],
    async run(context) {
      const { answers, afterRetry } = await flood(context);
      const denied = answers.find(({ status }) => status === 429);
      if (!denied) return { ok: false, observed: 'no 429 at all' };
      const { headers, body } = denied;
      const retry = Number(headers.get('retry-after'));
      const reset = Number(headers.get('x-ratelimit-reset')) - Date.parse(headers.get('date') ?? '') / 1_000;
      const { ok, observed } = judge(denied, 429, context, true);
      return verdict(
        [
          ...(retry >= 1 && retry <= 61 ? [] : [`Retry-After: ${headers.get('retry-after') ?? 'absent'}`]),
          ...(retry > reset + 3
            ? [`Retry-After ${retry}, and X-RateLimit-Reset in ${Math.round(reset)} s`]
            : []),
          ...(body.includes('"Rate limit exceeded"') ? [] : ['another title']),
          ...(/"violated-policies":\[[^\]]*default/.test(body) ? [] : ['names no violated policy']),
          ...(headers.get('x-ratelimit-remaining') === '0' ? [] : ['X-RateLimit-Remaining is not 0']),
          ...(afterRetry && afterRetry.status !== 200 ? [`${afterRetry.status} after Retry-After`] : []),
          ...(context.origin && headers.get('access-control-allow-origin') !== context.origin
            ? ['no CORS header for the allowed origin']
            : []),
          ...(ok ? [] : [observed]),
        ],
        `Retry-After ${retry}`,
      );
    },
  },
  {
    id: 'limiter-isolation',
    group: 'limiter',
    control: 'LIM-2',
    expected: 'another user of the same address is not limited',
    remedy: 'Key the limit by the verified user.',
    needs: ['writes'],
    async run(context) {
      const { status } = (await flood(context)).neighbour;
      return { ok: status === 200, observed: String(status) };
    },
  },
  {
    id: 'limiter-bypass',
    group: 'limiter',
    control: 'LIM-2',
    expected:
      'no new session, forged address, other spelling of the path, HEAD or fresh connection gives extra budget',
    remedy:
      'Key by the verified user, trust forwarded addresses from named proxies only, and count all routes.',
    needs: ['writes'],
    async run(context) {
      const { bypasses } = await flood(context);
      const through = [...bypasses].filter(([, { status }]) => status < 400);
      return verdict(
        through.map(([name, { status }]) => `${name}: ${status}`),
        `${bypasses.size} tries, none admitted`,
      );
    },
  },
];

/** Policies that every answer of their routes names; the check of throttled logins tries the account's limit itself. */
const demanded = ['default', 'intensive', 'login-address'];

function flood(context: Context): Promise<Flood> {
  const running = floods.get(context) ?? exhaust(context);
  floods.set(context, running);
  return running;
}

async function exhaust(context: Context): Promise<Flood> {
  const session = await context.session('other');
  const secondSession = await context.signIn(context.user('other'));
  // Signed in before the flood, because a limiter that confuses users would refuse even that.
  const neighbour = await context.session('caseworker');
  const first = await session.send({ path });
  const { quota: limit = 0, left: leftAtFirst = 0 } = policiesOf(first.headers).get('default') ?? {};
  if (!(limit > 0)) throw new CouldNotCheck('no RateLimit fields that name the quota');
  if (limit > 1_000) throw new CouldNotCheck(`a quota of ${limit} is more than this check may send`);
  const request: Request = {
    path,
    limited: true,
    ...(context.origin ? { headers: { origin: context.origin } } : {}),
  };
  const answers = await concurrently(limit + 20, 20, () => session.send(request));
  const bypasses = new Map<string, Answer>();
  for (const [name, disguise] of Object.entries(disguises))
    bypasses.set(name, await session.send({ ...disguise, limited: true }));
  bypasses.set('second session', await secondSession.send(request));
  const bystander = await neighbour.send({ path, limited: true });
  const afterRetry = await retryAfter(session, answers);
  await endSession(secondSession).catch(() => {});
  return { limit, leftAtFirst, answers, bypasses, neighbour: bystander, afterRetry };
}

/** Waits for a Retry-After of up to 15 s and sends again; a true one of a minute's window is longer. */
async function retryAfter(session: Session, answers: readonly Answer[]): Promise<Answer | null> {
  const seconds = Number(answers.findLast(({ status }) => status === 429)?.headers.get('retry-after'));
  if (!(seconds <= 15)) return null;
  await sleep(seconds * 1_000 + 200);
  return session.send({ path, limited: true });
}

const forgedAddresses: Readonly<Record<string, string>> = {
  'x-forwarded-for': '203.0.113.7',
  'x-real-ip': '203.0.113.8',
  forwarded: 'for=203.0.113.9',
  'true-client-ip': '203.0.113.10',
  'cf-connecting-ip': '203.0.113.11',
};

const disguises: Readonly<Record<string, Request>> = {
  ...Object.fromEntries(
    Object.entries(forgedAddresses).map(([name, value]) => [name, { path, headers: { [name]: value } }]),
  ),
  'X-User-Id': { path, headers: { 'x-user-id': 'somebody-else', 'x-request-id': 'fresh' } },
  HEAD: { method: 'HEAD', path },
  query: { path: `${path}?limit=1` },
  'double slash': { path: '//api/v1/cases' },
  'trailing slash': { path: `${path}/` },
  'upper case': { path: '/API/v1/cases' },
  'percent encoding': { path: '/api/v1/c%61ses' },
  me: { path: '/api/v1/auth/me' },
};

async function concurrently<T>(count: number, width: number, one: () => Promise<T>): Promise<readonly T[]> {
  const done: T[] = [];
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      done.push(await one());
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return done;
}

interface PolicyFields {
  quota: number;
  window: number;
  left: number;
  seconds: number;
}

/** The policies of RateLimit-Policy with their state in RateLimit, by name. */
function policiesOf(headers: Answer['headers']): ReadonlyMap<string, PolicyFields> {
  const number = (text: string, parameter: string): number =>
    Number(new RegExp(`;\\s*${parameter}=(\\d+)`).exec(text)?.[1] ?? Number.NaN);
  const state = new Map(items(headers.get('ratelimit')));
  return new Map(
    items(headers.get('ratelimit-policy')).map(([name, text]) => [
      name,
      {
        quota: number(text, 'q'),
        window: number(text, 'w'),
        left: number(state.get(name) ?? '', 'r'),
        seconds: number(state.get(name) ?? '', 't'),
      },
    ]),
  );
}

function items(field = ''): readonly (readonly [name: string, parameters: string])[] {
  return field.split(',').map((item) => {
    const [, name = '', parameters = ''] = /^\s*"?([\w-]+)"?(.*)$/.exec(item) ?? [];
    return [name, parameters] as const;
  });
}

function fieldFindings({ headers, status }: Answer): readonly string[] {
  const missing = [
    ...['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'ratelimit-policy', 'ratelimit'],
  ].filter((name) => !headers.has(name));
  if (missing.length > 0) return [`${status}: no ${missing.join(', ')}`];
  const [limit = 0, remaining = 0, reset = 0] = ['limit', 'remaining', 'reset'].map((name) =>
    Number(headers.get(`x-ratelimit-${name}`)),
  );
  const policies = [...policiesOf(headers).values()];
  const agrees = policies.some(({ quota, left }) => quota === limit && left === remaining);
  const seconds = reset - Date.now() / 1000;
  return [
    ...(remaining >= 0 && remaining <= limit ? [] : [`${status}: ${remaining} of ${limit} remain`]),
    ...(agrees ? [] : [`${status}: no policy of RateLimit has ${remaining} of ${limit} left`]),
    ...(policies.every(({ left, quota }) => left <= quota && left >= remaining)
      ? []
      : [`${status}: X-RateLimit-Remaining is not the tightest`]),
    ...(seconds > -5 && seconds <= 3_605
      ? []
      : [`${status}: X-RateLimit-Reset is ${Math.round(seconds)} s away`]),
  ];
}
