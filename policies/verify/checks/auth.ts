import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Check, type Context, type Session, type User, verdict } from '../check.ts';
import { type Answer, CouldNotCheck, notAProblem, parseJson } from '../client.ts';
import { commonPasswords } from '../expected.ts';
import { decode, forgeries } from '../forge.ts';
import { endSession, loginRequest } from '../run.ts';

const me = '/api/v1/auth/me';

/** Tokens, login, sessions and passwords. */
export const authChecks: readonly Check[] = [
  {
    id: 'auth-forged-tokens',
    group: 'auth',
    control: 'AUT-1',
    expected: 'every forged or malformed token: 401 with a problem document and WWW-Authenticate, never 5xx',
    remedy: 'Pin one algorithm, look keys up by kid in a map, require typ, exp, iat, iss, aud, sub and jti.',
    async run(context) {
      const { accessToken } = await context.session('caseworker');
      const all = forgeries(accessToken, await publicKey(context, accessToken), null);
      const wrong: string[] = [];
      for (const { name, authorization } of all) {
        const headers = authorization.map((value) => ['authorization', value] as const);
        const answer = await context.send({ path: me, headers });
        // Two Authorization headers are a malformed request, for which 400 is right too.
        const isMalformed = authorization.length > 1 && answer.status === 400;
        const problem = isMalformed ? null : refusalProblem(answer);
        if (problem) wrong.push(`${name}: ${problem}`);
      }
      return verdict(wrong, `${all.length} refused`);
    },
  },
  {
    id: 'auth-token-elsewhere',
    group: 'auth',
    control: 'AUT-1',
    expected: 'a token in the query, a cookie or another header is not read',
    remedy: 'Read the Authorization header only.',
    async run(context) {
      const { accessToken: token } = await context.session('caseworker');
      const tries = {
        query: { path: `${me}?access_token=${token}` },
        cookie: { path: me, headers: { cookie: `access_token=${token}; token=${token}` } },
        header: { path: me, headers: { 'x-access-token': token, 'x-authorization': `Bearer ${token}` } },
      };
      const wrong: string[] = [];
      for (const [name, request] of Object.entries(tries)) {
        const { status } = await context.send(request);
        if (status !== 401 && status !== 400) wrong.push(`${name}: ${status}`);
      }
      return verdict(wrong, 'refused');
    },
  },
  {
    id: 'auth-token-claims',
    group: 'auth',
    control: 'AUT-2',
    expected: 'an access token lives at most 600 s, is typed at+jwt, and has kid, iss, aud, sub and jti',
    remedy: 'Issue tokens as RFC 9068 says.',
    async run(context) {
      const { header, claims } = decode((await context.session('caseworker')).accessToken);
      const life = Number(claims.exp) - Number(claims.iat);
      const age = Date.now() / 1_000 - Number(claims.iat);
      return verdict(
        [
          ...(life > 0 && life <= 600 ? [] : [`lives ${life} s`]),
          ...(Math.abs(age) < 600 ? [] : [`was issued ${Math.round(age)} s ago`]),
          ...(header.typ === 'at+jwt' ? [] : [`typ is ${String(header.typ)}`]),
          ...(/^(EdDSA|Ed25519|ES256)$/.test(String(header.alg)) ? [] : [`alg is ${String(header.alg)}`]),
          ...(header.kid ? [] : ['no kid']),
          ...['iss', 'aud', 'sub', 'jti'].filter((name) => !claims[name]).map((name) => `no ${name}`),
          ...['email', 'password', 'name'].filter((name) => name in claims).map((name) => `holds ${name}`),
        ],
        `${life} s, ${String(header.alg)}`,
      );
    },
  },
  {
    id: 'auth-refresh-random',
    group: 'auth',
    control: 'AUT-2',
    expected:
      'a refresh token is no JWT, has at least 128 random bits, and is not accepted as an access token',
    remedy: 'Make it of 32 random bytes.',
    async run(context) {
      const { refreshToken } = await context.session('caseworker');
      const { status } = await context.send({
        path: me,
        headers: { authorization: `Bearer ${refreshToken}` },
      });
      return verdict(
        [
          ...(refreshToken.length >= 22 ? [] : [`${refreshToken.length} characters`]),
          ...(refreshToken.startsWith('eyJ') ? ['is a JWT'] : []),
          ...(status === 401 ? [] : [`accepted as access token: ${status}`]),
        ],
        `${refreshToken.length} characters, refused as access token`,
      );
    },
  },
  {
    id: 'auth-jwks-public-only',
    group: 'auth',
    control: 'AUT-1',
    expected: 'the published keys hold no private part and no shared secret',
    remedy: 'Publish kty, crv, x, kid, alg and use only.',
    async run(context) {
      const keys = await publishedKeys(context);
      const secret = keys.filter((key) => ['d', 'p', 'q', 'k', 'oth'].some((name) => name in key));
      return {
        ok: keys.length > 0 && secret.length === 0,
        observed: `${keys.length} keys, ${secret.length} with a private part`,
      };
    },
  },
  {
    id: 'auth-login-uniform',
    group: 'auth',
    control: 'AUT-4',
    expected: 'a wrong password and an unknown account get the same 401, after about the same time',
    remedy: 'Verify a dummy hash for unknown accounts and answer with one body.',
    needs: ['writes'],
    async run(context) {
      const known = context.users[0]?.email ?? '';
      const tries = [];
      for (const email of [known, `${randomUUID()}@example.invalid`]) {
        const started = performance.now();
        const answer = await context.send(loginRequest(email, 'not-the-password'));
        tries.push({ answer, ms: performance.now() - started });
      }
      const shapes = tries.map(({ answer }) => shapeOf(answer));
      const [knownMs = 0, unknownMs = 0] = tries.map(({ ms }) => ms);
      return verdict(
        [
          ...(tries[0]?.answer.status === 401 ? [] : [`status ${tries[0]?.answer.status}`]),
          ...(shapes[0] === shapes[1] ? [] : [`${shapes.join(' and ')}`]),
          // A password hash takes 15 ms and more; an answer without one is ten times as fast.
          ...(unknownMs * 5 < knownMs && knownMs - unknownMs > 30
            ? [`${Math.round(knownMs)} ms and ${Math.round(unknownMs)} ms`]
            : []),
        ],
        tries.map(({ answer }) => answer.status).join(' and '),
      );
    },
  },
  {
    id: 'auth-login-strict',
    group: 'auth',
    control: 'AUT-4',
    expected: 'login refuses wrong types, lists, operators, extra fields and huge passwords with 400 or 413',
    remedy: 'Validate without coercion, refuse unknown fields, bound every string, cap the body.',
    async run({ send }) {
      const wrong: string[] = [];
      for (const [name, body] of Object.entries(malformedLogins)) {
        const answer = await send({ method: 'POST', path: '/api/v1/auth/login', body });
        if (answer.status !== 400 && answer.status !== 413) wrong.push(`${name}: ${answer.status}`);
        else if (notAProblem(answer)) wrong.push(`${name}: ${notAProblem(answer)}`);
      }
      return verdict(wrong, `${Object.keys(malformedLogins).length} refused`);
    },
  },
  {
    id: 'auth-login-throttled',
    group: 'auth',
    control: 'AUT-5',
    expected:
      'at most 10 tries a minute for one account, however it is written, then 429 with Retry-After of 1 to 61 s',
    remedy: 'Limit login per normalised account, per address and for the endpoint.',
    needs: ['writes'],
    async run({ send }) {
      const [name, domain] = [randomUUID(), 'example.invalid'];
      const spellings = [
        `${name}@${domain}`,
        `${name.toUpperCase()}@${domain}`,
        `${name}@${domain.toUpperCase()}`,
      ];
      for (let tried = 1; tried <= 12; tried += 1) {
        const email = spellings[tried % 3] ?? '';
        const headers = { 'content-type': 'application/json', 'x-forwarded-for': `203.0.113.${tried}` };
        const request = loginRequest(email, 'not-the-password', { headers });
        // The first try waits for the address: a 429 for an account that nobody ever tried says nothing about accounts.
        const answer = await send(tried === 1 ? request : { ...request, limited: true });
        if (answer.status !== 429) continue;
        // Many tries from this address may be in its window of 30, which says nothing about the account's.
        if (/login-(address|endpoint)/.test(answer.body)) {
          await send(request);
          continue;
        }
        const wait = Number(answer.headers.get('retry-after'));
        return {
          ok: tried <= 11 && wait >= 1 && wait <= 61,
          observed: `429 at try ${tried}, Retry-After ${wait}`,
        };
      }
      return { ok: false, observed: '12 tries, none limited' };
    },
  },
  {
    id: 'auth-refresh-unknown',
    group: 'auth',
    control: 'AUT-3',
    expected: 'a refresh token that was never issued is refused, and ends no session',
    remedy: 'Treat only a token that was once issued as reuse.',
    needs: ['writes'],
    async run(context) {
      const session = await spareSession(context);
      const { refreshToken } = session;
      const forged = `${refreshToken.slice(0, -8)}${refreshToken.endsWith('A') ? 'BBBBBBBB' : 'AAAAAAAA'}`;
      const refused = await refresh(context, forged);
      const after = await session.send({ path: me });
      if (after.status !== 200) spareSessions.delete(context);
      return {
        ok: refused.status === 401 && after.status === 200,
        observed: `forged ${refused.status}, session ${after.status}`,
      };
    },
  },
  {
    id: 'auth-logout-revokes',
    group: 'auth',
    control: 'AUT-3',
    expected: 'after logout the access token and the refresh token are refused at once',
    remedy: 'Read the session on every request, and delete it at logout.',
    needs: ['writes'],
    async run(context) {
      const session = await spareSession(context);
      spareSessions.delete(context);
      const out = await endSession(session);
      const after = await session.send({ path: me });
      const again = await refresh(context, session.refreshToken);
      return {
        ok: out.status < 300 && after.status === 401 && again.status === 401,
        observed: `logout ${out.status}, token ${after.status}, refresh ${again.status}`,
      };
    },
  },
  {
    id: 'auth-refresh-reuse',
    group: 'auth',
    control: 'AUT-3',
    expected: 'a refresh token used again after 12 s is refused, and ends its session and its successor',
    remedy:
      'Rotate refresh tokens, and revoke the family when an old one comes back (RFC 9700 section 4.14).',
    needs: ['writes'],
    slow: true,
    async run(context) {
      const session = await context.signIn(context.user('reader'));
      const rotated = await refresh(context, session.refreshToken);
      const { refreshToken: successor, accessToken } = parseJson(rotated) ?? {};
      if (rotated.status !== 200) throw new CouldNotCheck(`a refresh is answered ${rotated.status}`);
      await sleep(12_000);
      const reused = await refresh(context, session.refreshToken);
      const after = await context.send({ path: me, headers: { authorization: `Bearer ${accessToken}` } });
      const next = await refresh(context, String(successor));
      return verdict(
        [
          ...(successor === session.refreshToken ? ['the token is not rotated'] : []),
          ...(reused.status === 401 ? [] : [`reuse ${reused.status}`]),
          ...(after.status === 401 ? [] : [`token ${after.status}`]),
          ...(next.status === 401 ? [] : [`successor ${next.status}`]),
        ],
        'reuse 401, token 401, successor 401',
      );
    },
  },
  {
    id: 'auth-common-passwords',
    group: 'auth',
    control: 'AUT-8',
    expected: 'a password that is short, common, or the account’s own name is refused with 400',
    remedy: 'Compare new passwords with a list of the most used ones, and with the account’s own words.',
    needs: ['writes'],
    run: (context) =>
      withAccount(context, async (change, { email }) => {
        const wrong: string[] = [];
        const [name = ''] = email.split('@');
        const own = name.length >= 4 ? [`${name}-2024`.padEnd(12, '!')] : [];
        for (const password of [...commonPasswords, ...own]) {
          const { status } = await change({ password });
          if (status !== 400) wrong.push(`${password}: ${status}`);
        }
        return verdict(wrong, `${commonPasswords.length + own.length} refused`);
      }),
  },
  {
    id: 'auth-role-change',
    group: 'auth',
    control: 'AUT-3',
    expected: 'after a change of role the old access token has the new role’s access at most',
    remedy: 'Read the account’s role and generation on every request.',
    needs: ['writes'],
    run: (context) =>
      withAccount(context, async (change) => {
        const session = await context.session('other');
        const changed = await change({ role: 'reader' });
        if (changed.status !== 200) throw new CouldNotCheck(`a change of role is answered ${changed.status}`);
        const { status } = await session.send({
          method: 'POST',
          path: '/api/v1/cases',
          body: '{"title":""}',
        });
        return { ok: status === 401 || status === 403, observed: `a creation is answered ${status}` };
      }),
  },
];

const spareSessions = new WeakMap<Context, Promise<Session>>();

/** One more session of the reader that two checks share, because logins are limited. */
function spareSession(context: Context): Promise<Session> {
  const known = spareSessions.get(context) ?? context.signIn(context.user('reader'));
  spareSessions.set(context, known);
  return known;
}

/** Lets an admin change the second caseworker, and sets role and password back afterwards. */
async function withAccount<T>(
  context: Context,
  use: (change: (fields: object) => Promise<Answer>, user: User) => Promise<T>,
): Promise<T> {
  const [admin, other] = [await context.session('admin'), await context.session('other')];
  const user = context.user('other');
  const id = String(parseJson(await other.send({ path: me }))?.id);
  let isChanged = false;
  const change = async (fields: object): Promise<Answer> => {
    const answer = await admin.send({
      method: 'PATCH',
      path: `/api/v1/users/${id}`,
      body: JSON.stringify(fields),
    });
    isChanged ||= answer.status < 300;
    return answer;
  };
  try {
    return await use(change, user);
  } finally {
    if (isChanged) {
      await change({ role: user.role, password: user.password });
      // The change ended the account's sessions.
      context.forget('other');
    }
  }
}

/** Bodies that login must refuse before it looks at a password. Each counts against the address, so they are few. */
const malformedLogins: Readonly<Record<string, string>> = {
  'operator object': '{"email":{"$ne":null},"password":{"$ne":null}}',
  'extra field': '{"email":"a@example.com","password":"12345678","role":"admin"}',
  prototype: '{"email":"a@example.com","password":"12345678","__proto__":{"role":"admin"}}',
  'huge password': JSON.stringify({ email: 'a@example.com', password: 'p'.repeat(100_000) }),
};

function refresh({ send }: Pick<Context, 'send'>, refreshToken: string): Promise<Answer> {
  return send({ method: 'POST', path: '/api/v1/auth/refresh', body: JSON.stringify({ refreshToken }) });
}

type Key = Readonly<Record<string, unknown>>;

async function publishedKeys({ send }: Pick<Context, 'send'>): Promise<readonly Key[]> {
  return (parseJson(await send({ path: '/.well-known/jwks.json' }))?.keys ?? []) as Key[];
}

/** The published key of a token. */
export async function publicKey(context: Pick<Context, 'send'>, token: string): Promise<Key> {
  const { kid } = decode(token).header;
  const found = (await publishedKeys(context)).find((key) => key.kid === kid);
  if (!found) throw new CouldNotCheck('/.well-known/jwks.json does not hold the key of the token');
  return found;
}

/** Why an answer is not the refusal of a token; null when it is. */
export function refusalProblem(answer: Answer): string | null {
  if (answer.status !== 401) return String(answer.status);
  if (!/^Bearer/.test(answer.headers.get('www-authenticate') ?? '')) return 'no WWW-Authenticate';
  return notAProblem(answer);
}

/** Status, headers' names and body of an answer, without the request's id. */
function shapeOf({ status, body, headers }: Answer): string {
  const problem = parseJson({ body });
  const { instance: _id, ...rest } = problem ?? {};
  const text = problem ? JSON.stringify(rest) : createHash('sha256').update(body).digest('hex');
  return `${status} ${headers.get('content-type') ?? ''} ${[...headers.keys()].sort().join()} ${text}`;
}
