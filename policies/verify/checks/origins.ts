import { send } from '../client.ts';
import type { Check, Context, Outcome } from '../types.ts';

/** Other origins: no CORS for strangers, and the refresh cookie only with a proof that the page is ours. */

const evil = 'https://attacker.example';
const refresh = '/api/v1/auth/refresh';

export const originChecks: readonly Check[] = [
  {
    id: 'origins-cors',
    group: 'origins',
    expected:
      'no Access-Control header for a foreign origin, for null, or for a look-alike; never * with credentials',
    remedy: 'Answer CORS for an exact allow-list only, with Vary: Origin.',
    references: ['ASVS 3.4.2', 'ASVS 3.5.2', 'API8'],
    async run({ target }) {
      const wrong: string[] = [];
      for (const origin of [evil, 'null', `https://${target.host}.attacker.example`, 'http://localhost'])
        for (const method of ['GET', 'OPTIONS']) {
          const headers = {
            origin,
            ...(method === 'OPTIONS'
              ? { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
              : {}),
          };
          const answer = await send(target, { method, path: '/api/v1/cases', headers });
          const allowed = answer.headers.get('access-control-allow-origin');
          if (allowed !== undefined) wrong.push(`${method} from ${origin}: ${allowed}`);
        }
      return verdict(wrong, 'none');
    },
  },
  {
    id: 'origins-csrf',
    group: 'origins',
    expected:
      'a refresh by cookie is refused without the CSRF header, with a wrong one, and from every other site',
    remedy: 'Demand the HMAC token bound to the session, Sec-Fetch-Site same-origin or a matching Origin.',
    references: ['ASVS 3.5.1', 'ASVS 3.5.2', 'ASVS 3.5.3'],
    needs: ['writes'],
    async run(context) {
      const cookie = `__Host-refresh=${(await context.session('caseworker')).refreshToken}`;
      const wrong: string[] = [];
      for (const [name, headers] of Object.entries(crossSite(context))) {
        const { status, headers: sent } = await send(context.target, {
          method: 'POST',
          path: refresh,
          headers: { cookie, ...headers },
        });
        // What is refused must say so as a client error, and must not hand out or clear a cookie.
        if (status < 400 || status >= 500 || status === 429 || sent.has('set-cookie'))
          wrong.push(`${name}: ${status}`);
      }
      return verdict(wrong, `${Object.keys(crossSite(context)).length} variants refused`);
    },
  },
  {
    id: 'origins-csrf-keeps-session',
    group: 'origins',
    expected: 'after the refused tries the session is still alive',
    remedy: 'Check the origin before the token is touched.',
    references: ['ASVS 3.5.1', 'ASVS 7.4.1'],
    async run(context) {
      const { status } = await (await context.session('caseworker')).send({ path: '/api/v1/auth/me' });
      return { ok: status === 200, observed: String(status) };
    },
  },
  {
    id: 'origins-bearer-ignores-cookies',
    group: 'origins',
    expected: 'routes for bearer tokens answer 401 to a cookie alone',
    remedy: 'Read cookies on the refresh route only.',
    references: ['ASVS 3.5.1'],
    async run(context) {
      const { accessToken, refreshToken } = await context.session('caseworker');
      const cookie = `__Host-refresh=${refreshToken}; __Host-access=${accessToken}; session=${accessToken}`;
      const { status } = await send(context.target, { path: '/api/v1/cases', headers: { cookie } });
      return { ok: status === 401, observed: String(status) };
    },
  },
];

/** Eight ways in which another site could make the browser send the cookie. */
function crossSite({ target }: Pick<Context, 'target'>): Readonly<Record<string, Record<string, string>>> {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  return {
    'no header at all': {},
    'wrong CSRF token': { 'x-csrf-token': 'AAAA' },
    'empty CSRF token': { 'x-csrf-token': '' },
    'cross-site': { origin: evil, 'sec-fetch-site': 'cross-site', 'x-csrf-token': 'AAAA' },
    'same-site sibling': {
      origin: `https://evil.${target.host}`,
      'sec-fetch-site': 'same-site',
      'x-csrf-token': 'AAAA',
    },
    'null origin': { origin: 'null', 'x-csrf-token': 'AAAA' },
    'foreign referer': { referer: `${evil}/page`, 'x-csrf-token': 'AAAA' },
    'HTML form': { ...form, origin: evil },
  };
}

function verdict(wrong: readonly string[], fine: string): Outcome {
  return { ok: wrong.length === 0, observed: wrong.join('; ') || fine };
}
