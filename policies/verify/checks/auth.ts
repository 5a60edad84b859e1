import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, notAProblem, parseJson, send } from '../client.ts';
import { decode, forgeries } from '../forge.ts';
import type { Check, Context, Outcome } from '../types.ts';
import { CouldNotCheck } from '../types.ts';
import { oddLogins } from './odd-logins.ts';

/** Login, and every token that must be refused. */

const me = '/api/v1/auth/me';

export const authChecks: readonly Check[] = [
  {
    id: 'auth-forged-tokens',
    group: 'auth',
    expected: 'every forged or odd token: 401 with a problem document and WWW-Authenticate, never 5xx',
    remedy:
      'Pin one algorithm, look keys up by kid in an own map, require typ, exp, iat, iss, aud, sub and jti.',
    references: ['ASVS 9.1.1', 'ASVS 9.1.2', 'ASVS 9.1.3', 'ASVS 9.2.1', 'ASVS 9.2.2', 'ASVS 9.2.3', 'API2'],
    async run(context) {
      const { accessToken } = await context.session('caseworker');
      const all = forgeries(accessToken, await publicKey(context, accessToken), null);
      const wrong: string[] = [];
      for (const { name, authorization } of all) {
        const headers = authorization.map((value) => ['authorization', value] as const);
        const answer = await send(context.target, { path: me, headers });
        // Two Authorization headers are a malformed request, which may be said so.
        const twice = authorization.length > 1 && answer.status === 400;
        const said = twice ? null : refused(answer);
        if (said) wrong.push(`${name}: ${said}`);
      }
      return verdict(wrong, `${all.length} refused`);
    },
  },
  {
    id: 'auth-token-elsewhere',
    group: 'auth',
    expected: 'a token in the query, a cookie or another header is not read',
    remedy: 'Read the Authorization header only.',
    references: ['ASVS 14.2.1', 'ASVS 3.5.1', 'API2'],
    async run(context) {
      const { accessToken: token } = await context.session('caseworker');
      const tries = {
        query: { path: `${me}?access_token=${token}` },
        cookie: { path: me, headers: { cookie: `access_token=${token}; token=${token}` } },
        header: { path: me, headers: { 'x-access-token': token, 'x-authorization': `Bearer ${token}` } },
      };
      const wrong: string[] = [];
      for (const [name, request] of Object.entries(tries)) {
        const { status } = await send(context.target, request);
        if (status !== 401 && status !== 400) wrong.push(`${name}: ${status}`);
      }
      return verdict(wrong, 'refused');
    },
  },
  {
    id: 'auth-token-claims',
    group: 'auth',
    expected: 'an access token lives at most 10 minutes, is typed at+jwt, and has kid, iss, aud, sub and jti',
    remedy: 'Issue tokens as RFC 9068 says.',
    references: ['ASVS 9.2.1', 'ASVS 9.2.2', 'ASVS 7.2.2', 'RFC 9068'],
    async run(context) {
      const { header, claims } = decode((await context.session('caseworker')).accessToken);
      const life = Number(claims.exp) - Number(claims.iat);
      const wrong = [
        ...(life > 0 && life <= 600 ? [] : [`lives ${life} s`]),
        ...(header.typ === 'at+jwt' ? [] : [`typ is ${String(header.typ)}`]),
        ...(/^(EdDSA|Ed25519|ES256)$/.test(String(header.alg)) ? [] : [`alg is ${String(header.alg)}`]),
        ...(header.kid ? [] : ['no kid']),
        ...['iss', 'aud', 'sub', 'jti'].filter((name) => !claims[name]).map((name) => `no ${name}`),
        ...['email', 'password', 'name'].filter((name) => name in claims).map((name) => `tells ${name}`),
      ];
      return verdict(wrong, `${life} s, ${String(header.alg)}`);
    },
  },
  {
    id: 'auth-refresh-random',
    group: 'auth',
    expected: 'a refresh token is no JWT, at least 128 random bits long, and no access token',
    remedy: 'Make it of 32 random bytes.',
    references: ['ASVS 11.5.1', 'ASVS 9.2.2', 'ASVS 10.4.5'],
    async run(context) {
      const { refreshToken } = await context.session('caseworker');
      const { status } = await send(context.target, {
        path: me,
        headers: { authorization: `Bearer ${refreshToken}` },
      });
      const wrong = [
        ...(refreshToken.length >= 22 ? [] : [`${refreshToken.length} characters`]),
        ...(refreshToken.startsWith('eyJ') ? ['is a JWT'] : []),
        ...(status === 401 ? [] : [`accepted as access token: ${status}`]),
      ];
      return verdict(wrong, `${refreshToken.length} characters, refused as access token`);
    },
  },
  {
    id: 'auth-jwks-public-only',
    group: 'auth',
    expected: 'the published keys hold no private part',
    remedy: 'Publish kty, crv, x, kid, alg and use only.',
    references: ['ASVS 13.3.1', 'ASVS 9.1.3'],
    async run({ target }) {
      const keys = (parseJson(await send(target, { path: '/.well-known/jwks.json' }))?.keys ?? []) as Record<
        string,
        unknown
      >[];
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
    expected: 'a wrong password and an unknown account bring the same 401',
    remedy: 'Verify a dummy hash for unknown accounts and answer with one body.',
    references: ['ASVS 6.3.8', 'API2'],
    needs: ['writes'],
    async run(context) {
      const known = context.users[0]?.email ?? '';
      const answers = [
        await login(context, known, 'not-the-password'),
        await login(context, `${randomUUID()}@example.invalid`, 'not-the-password'),
      ];
      const shapes = answers.map(
        ({ status, body, headers }) => `${status} ${blank(body)} ${headers.get('content-type') ?? ''}`,
      );
      if (answers.some(({ status }) => status === 429))
        throw new CouldNotCheck('login is limited at the moment; try again in a minute');
      return {
        ok: shapes[0] === shapes[1] && answers[0]?.status === 401,
        observed: answers.map(({ status }) => status).join(' and '),
      };
    },
  },
  {
    id: 'auth-login-strict',
    group: 'auth',
    expected:
      'login refuses odd bodies with 400, 413 or 415: wrong types, arrays, extra fields, huge passwords',
    remedy: 'Validate without coercion, refuse unknown fields, bound every string, cap the body.',
    references: ['ASVS 2.2.1', 'ASVS 6.2.9', 'ASVS 15.3.5', 'API3', 'API4'],
    async run({ target }) {
      const wrong: string[] = [];
      for (const [name, body] of Object.entries(oddLogins)) {
        const answer = await send(target, { method: 'POST', path: '/api/v1/auth/login', body });
        if (answer.status === 429)
          throw new CouldNotCheck('login is limited at the moment; try again in a minute');
        if (answer.status !== 400 && answer.status !== 413) wrong.push(`${name}: ${answer.status}`);
        else if (notAProblem(answer)) wrong.push(`${name}: ${notAProblem(answer)}`);
      }
      return verdict(wrong, `${Object.keys(oddLogins).length} refused`);
    },
  },
  {
    id: 'auth-login-throttled',
    group: 'auth',
    expected: 'at most 10 tries a minute for one account, then 429 with Retry-After',
    remedy: 'Limit login per account, per address and for the endpoint.',
    references: ['ASVS 6.3.1', 'ASVS 2.4.1', 'API2', 'API6'],
    needs: ['writes'],
    async run(context) {
      const account = `${randomUUID()}@example.invalid`;
      for (let tried = 1; tried <= 12; tried += 1) {
        const answer = await login(context, account, 'not-the-password');
        if (answer.status === 503)
          throw new CouldNotCheck('the limiter’s store does not answer at the moment');
        if (answer.status !== 429) continue;
        // An account nobody ever tried: it is the address that is limited, which says nothing about accounts.
        if (tried === 1) throw new CouldNotCheck('login is limited at the moment; try again in a minute');
        const wait = Number(answer.headers.get('retry-after'));
        return { ok: tried <= 11 && wait > 0, observed: `429 at try ${tried}, Retry-After ${wait}` };
      }
      return { ok: false, observed: '12 tries, none limited' };
    },
  },
  {
    id: 'auth-logout-revokes',
    group: 'auth',
    expected: 'after logout the access token and the refresh token are refused at once',
    remedy: 'Keep a denylist of token ids and revoke the family.',
    references: ['ASVS 7.4.1', 'ASVS 7.4.2', 'API2'],
    needs: ['writes'],
    async run(context) {
      const user = context.users.find(({ role }) => role === 'reader') ?? context.users[0];
      if (!user) throw new CouldNotCheck('no user');
      const signedIn = parseJson(await login(context, user.email, user.password));
      const access = String(signedIn?.accessToken ?? '');
      if (!access) throw new CouldNotCheck('login is limited at the moment; try again in a minute');
      const refreshToken = String(signedIn?.refreshToken ?? '');
      const headers = { authorization: `Bearer ${access}` };
      const out = await send(context.target, {
        method: 'POST',
        path: '/api/v1/auth/logout',
        headers,
        body: JSON.stringify({ refreshToken }),
      });
      const after = await send(context.target, { path: me, headers });
      const again = await send(context.target, {
        method: 'POST',
        path: '/api/v1/auth/refresh',
        body: JSON.stringify({ refreshToken }),
      });
      const ok = out.status < 300 && after.status === 401 && again.status === 401;
      return { ok, observed: `logout ${out.status}, token ${after.status}, refresh ${again.status}` };
    },
  },
];

/**
 * One try to sign in. On a busy machine the limiter may miss its deadline, and login is closed for a moment: that
 * says nothing about login, so it is tried again.
 */
export async function login(
  { target }: Pick<Context, 'target'>,
  email: string,
  password: string,
): Promise<Answer> {
  const body = JSON.stringify({ email, password });
  for (let tries = 1; ; tries += 1) {
    const answer = await send(target, { method: 'POST', path: '/api/v1/auth/login', body });
    if (answer.status !== 503 || tries === 20) return answer;
    await sleep(250);
  }
}

/** The published key of a token. */
export async function publicKey(
  { target }: Pick<Context, 'target'>,
  token: string,
): Promise<Record<string, unknown>> {
  const { kid } = decode(token).header;
  const keys = (parseJson(await send(target, { path: '/.well-known/jwks.json' }))?.keys ?? []) as Record<
    string,
    unknown
  >[];
  const found = keys.find((key) => key.kid === kid);
  if (!found) throw new CouldNotCheck('/.well-known/jwks.json does not hold the key of the token');
  return found;
}

/** Why an answer is not the refusal of a token; null when it is. */
export function refused(answer: Answer): string | null {
  if (answer.status !== 401) return String(answer.status);
  if (!/^Bearer/.test(answer.headers.get('www-authenticate') ?? '')) return 'no WWW-Authenticate';
  return notAProblem(answer);
}

function verdict(wrong: readonly string[], fine: string): Outcome {
  const shown = wrong.length > 5 ? [...wrong.slice(0, 5), `and ${wrong.length - 5} more`] : wrong;
  return { ok: wrong.length === 0, observed: wrong.length === 0 ? fine : shown.join('; ') };
}

/** A body without what differs by request: its id. */
function blank(body: string): string {
  const problem = parseJson({ body });
  if (!problem) return createHash('sha256').update(body).digest('hex');
  const { instance: _id, ...rest } = problem;
  return JSON.stringify(rest);
}
