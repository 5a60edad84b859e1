import { type Check, type Context, type Session, verdict } from '../check.ts';
import { type Answer, CouldNotCheck, hostHeader, parseJson } from '../client.ts';
import { loginRequest, withToken } from '../run.ts';

const evil = 'https://attacker.example';
const refreshPath = '/api/v1/auth/refresh';
const casesPath = '/api/v1/cases';

export const originChecks: readonly Check[] = [
  {
    id: 'origins-cors',
    group: 'origins',
    control: 'AUT-7',
    expected:
      'no Access-Control header for a foreign origin, null, or one that resembles the host or an allowed origin; never *',
    remedy: 'Answer CORS for an exact allow-list only, with Vary: Origin.',
    async run({ send, target, origin: known }) {
      const wrong: string[] = [];
      const similar = [`https://${target.host}`, known].flatMap((url) => (url ? resembling(url) : []));
      for (const origin of [evil, 'null', 'http://localhost', 'file://', ...similar])
        for (const method of ['GET', 'OPTIONS']) {
          const asks = {
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization',
          };
          const headers = { origin, ...(method === 'OPTIONS' ? asks : {}) };
          for (const path of [casesPath, '/api/v1/auth/login', '/']) {
            const answer = await send({ method, path, headers });
            const allowed = [...answer.headers].find(([name]) => name.startsWith('access-control-allow-'));
            if (allowed) wrong.push(`${method} ${path} from ${origin}: ${allowed.join(': ')}`);
          }
        }
      return verdict(wrong, 'none');
    },
  },
  {
    id: 'origins-allowed',
    group: 'origins',
    control: 'AUT-7',
    expected:
      'every answer to the allowed origin names it exactly, with Vary: Origin: 200, 401, 404 and preflights',
    remedy: 'Set CORS headers before authentication and limits, on errors too.',
    needs: ['origin'],
    async run(context) {
      const origin = context.origin ?? '';
      const { accessToken } = await context.session('caseworker');
      const preflight = { origin, 'access-control-request-method': 'PATCH' };
      const answers = {
        200: await context.send(withToken({ path: casesPath, headers: { origin } }, accessToken)),
        401: await context.send({ path: casesPath, headers: { origin } }),
        404: await context.send({ path: '/nothing-here', headers: { origin } }),
        preflight: await context.send({ method: 'OPTIONS', path: casesPath, headers: preflight }),
      };
      return verdict(
        Object.entries(answers).flatMap(([name, answer]) => corsFindings(name, answer, origin)),
        'allowed exactly',
      );
    },
  },
  {
    id: 'origins-cookie',
    group: 'origins',
    control: 'AUT-6',
    expected:
      'the refresh cookie is __Host-refresh, its token is in no body, and every cookie has Path=/, Secure, HttpOnly and SameSite=Strict without Domain',
    remedy: 'Set the cookie with these attributes, and leave the token out of the body.',
    async run(context) {
      const { answer } = await cookieLogin(context);
      const cookies = (answer.headers.get('set-cookie') ?? '').split('\n').map((line) => line.split(/; */));
      const pair =
        cookies.map(([first = '']) => first).find((one) => one.startsWith('__Host-refresh=')) ?? '';
      const token = pair.slice('__Host-refresh='.length);
      return verdict(
        [
          ...(token.length >= 22 ? [] : ['no __Host-refresh']),
          ...cookies.flatMap(cookieFindings),
          ...(token !== '' && answer.body.includes(token) ? ['its token is in the body'] : []),
        ],
        'all attributes',
      );
    },
  },
  {
    id: 'origins-csrf',
    group: 'origins',
    control: 'AUT-6',
    expected:
      'a refresh by cookie works from the service’s own page, and is refused without the CSRF token, with a wrong one, and from every other site',
    remedy:
      'Demand the HMAC token bound to the session, and Sec-Fetch-Site same-origin or a matching Origin.',
    needs: ['writes'],
    async run(context) {
      const { cookie, csrf } = await cookieLogin(context);
      const refresh = (headers: Readonly<Record<string, string>>): Promise<Answer> =>
        context.send({ method: 'POST', path: refreshPath, headers: { cookie, ...headers } });
      const wrong: string[] = [];
      for (const [name, headers] of Object.entries(crossSite(context, csrf))) {
        const { status, headers: sent } = await refresh(headers);
        // The refusal is a client error, and neither hands out nor clears a cookie.
        if (status < 400 || status >= 500 || sent.has('set-cookie')) wrong.push(`${name}: ${status}`);
      }
      const own = await refresh({ ...ownPage(context), 'x-csrf-token': csrf });
      if (own.status !== 200) wrong.push(`own page: ${own.status}`);
      return verdict(wrong, `${Object.keys(crossSite(context, '')).length} variants refused`);
    },
  },
  {
    id: 'origins-csrf-keeps-session',
    group: 'origins',
    control: 'AUT-6',
    expected: 'the session lives on after the refused tries',
    remedy: 'Check the origin before the token is touched.',
    async run(context) {
      const { cookie, session } = await cookieLogin(context);
      await context.send({ method: 'POST', path: refreshPath, headers: { cookie, origin: evil } });
      const { status } = await session.send({ path: '/api/v1/auth/me' });
      await session.send({ method: 'POST', path: '/api/v1/auth/logout' });
      cookieLogins.delete(context);
      return { ok: status === 200, observed: String(status) };
    },
  },
  {
    id: 'origins-bearer-ignores-cookies',
    group: 'origins',
    control: 'AUT-6',
    expected: 'routes for bearer tokens answer 401 to a cookie alone',
    remedy: 'Read cookies on the refresh route only.',
    async run(context) {
      const { accessToken, refreshToken } = await context.session('caseworker');
      const cookie = `__Host-refresh=${refreshToken}; __Host-access=${accessToken}; session=${accessToken}`;
      const { status } = await context.send({ path: casesPath, headers: { cookie } });
      return { ok: status === 401, observed: String(status) };
    },
  },
];

function cookieFindings([pair = '', ...attributes]: readonly string[]): readonly string[] {
  const [name = ''] = pair.split('=');
  const given = attributes.map((one) => one.toLowerCase());
  return [
    ...(name.startsWith('__Host-') ? [] : [`${name} is not __Host-`]),
    ...['path=/', 'secure', 'httponly', 'samesite=strict']
      .filter((one) => !given.includes(one))
      .map((one) => `${name}: no ${one}`),
    ...(given.some((one) => one.startsWith('domain')) ? [`${name} names a domain`] : []),
  ];
}

interface CookieLogin {
  readonly answer: Answer;
  readonly cookie: string;
  readonly csrf: string;
  readonly session: Pick<Session, 'send'>;
}

/** One login by cookie serves several checks, because logins are limited. */
const cookieLogins = new WeakMap<Context, Promise<CookieLogin>>();

function cookieLogin(context: Context): Promise<CookieLogin> {
  const known = cookieLogins.get(context) ?? loginByCookie(context);
  cookieLogins.set(context, known);
  return known;
}

async function loginByCookie(context: Context): Promise<CookieLogin> {
  const { email, password } = context.user('caseworker');
  const body = JSON.stringify({ email, password, refreshIn: 'cookie' });
  const answer = await context.send(loginRequest(email, password, { body }));
  const { accessToken, csrfToken } = parseJson(answer) ?? {};
  const cookie = /^[^=;]*refresh=[^;\n]+/im.exec(answer.headers.get('set-cookie') ?? '')?.[0];
  if (answer.status !== 200 || !cookie)
    throw new CouldNotCheck(`login by cookie is answered ${answer.status}`);
  return {
    answer,
    cookie,
    csrf: String(csrfToken),
    session: { send: (request) => context.send(withToken(request, String(accessToken))) },
  };
}

function ownPage({ target }: Context): Record<string, string> {
  return { origin: `https://${hostHeader(target)}`, 'sec-fetch-site': 'same-origin' };
}

/** The ways in which another site, or a page without the token, could make the browser send the cookie. */
function crossSite(context: Context, csrf: string): Readonly<Record<string, Record<string, string>>> {
  const token = { 'x-csrf-token': csrf };
  const { host } = context.target;
  return {
    'no header at all': {},
    'own page, no token': ownPage(context),
    'own page, wrong token': { ...ownPage(context), 'x-csrf-token': 'AAAA.AAAA' },
    'own page, empty token': { ...ownPage(context), 'x-csrf-token': '' },
    'own page, changed token': { ...ownPage(context), 'x-csrf-token': `A${csrf}` },
    'right token, no origin': token,
    'right token, foreign origin': { ...token, origin: evil, 'sec-fetch-site': 'cross-site' },
    'right token, foreign origin, old browser': { ...token, origin: evil },
    'right token, sibling': { ...token, origin: `https://evil.${host}`, 'sec-fetch-site': 'same-site' },
    'right token, null origin': { ...token, origin: 'null' },
    'right token, look-alike': { ...token, origin: `https://${host}.attacker.example` },
    'foreign referer': { ...token, referer: `${evil}/page` },
    'HTML form': { 'content-type': 'application/x-www-form-urlencoded', origin: evil },
  };
}

/** Origins that a careless comparison takes for the given one. */
function resembling(url: string): readonly string[] {
  const { host } = new URL(url);
  return [
    `https://${host}.attacker.example`,
    `https://attacker-${host}`,
    `https://x.${host}`,
    `http://${host}`,
  ];
}

function corsFindings(name: string, { headers, status }: Answer, origin: string): readonly string[] {
  const allowed = headers.get('access-control-allow-origin');
  return [
    ...((name === 'preflight' ? status < 300 : String(status) === name) ? [] : [`${name}: ${status}`]),
    ...(allowed === origin ? [] : [`${name}: Access-Control-Allow-Origin ${allowed ?? 'absent'}`]),
    ...(/origin/i.test(headers.get('vary') ?? '') ? [] : [`${name}: no Vary: Origin`]),
  ];
}
