import type { TlsOptions } from 'node:tls';
import {
  answerWith,
  authorised,
  dropHeader,
  editBody,
  setHeader,
  setStatus,
  tokenOf,
  withToken,
} from './answers.ts';
import type { Sabotage } from './proxy.ts';

/** One control of the running service broken: what is sabotaged, and the live check that must turn red. */
export interface Broken {
  readonly control: string;
  readonly check: string;
  /** Which listener is sabotaged; the public one unless said otherwise. */
  readonly listener?: 'plain' | 'internal';
  sabotage(world: World): Sabotage;
}

/** Genuine tokens, which a broken service would accept in place of forged ones. */
export interface World {
  readonly tokens: Readonly<Record<'reader' | 'caseworker' | 'admin', string>>;
}

const json = (status: string, body: string, headers = ''): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\n${headers}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
const tls =
  (options: TlsOptions): Broken['sabotage'] =>
  () => ({ tls: options });
const always =
  (sabotage: Sabotage): Broken['sabotage'] =>
  () =>
    sabotage;

/** A token's header, read without verifying anything, as a broken service would. */
function header(token: string): { alg?: string; typ?: string } {
  try {
    return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { alg?: string };
  } catch {
    return {};
  }
}

const headerMutants = Object.fromEntries(
  [
    'x-frame-options',
    'x-content-type-options',
    'x-xss-protection',
    'content-security-policy',
    'strict-transport-security',
    'referrer-policy',
    'cross-origin-resource-policy',
    'permissions-policy',
    'cache-control',
  ].map((name): [string, Broken] => [
    `no ${name}`,
    { control: 'HDR-1', check: 'headers-ok', sabotage: always(dropHeader(name)) },
  ]),
);

const weak: TlsOptions = { ciphers: 'ALL:@SECLEVEL=0', ecdhCurve: 'X25519:P-256:P-384' };

export const brokenRunning: Readonly<Record<string, Broken>> = {
  ...headerMutants,
  'CSP with unsafe-inline': {
    control: 'HDR-1',
    check: 'headers-ok',
    sabotage: always(setHeader('content-security-policy', "default-src 'self' 'unsafe-inline'")),
  },
  'HSTS of a day': {
    control: 'HDR-1',
    check: 'headers-ok',
    sabotage: always(setHeader('strict-transport-security', 'max-age=86400')),
  },
  'no headers on 404': {
    control: 'HDR-1',
    check: 'headers-not-found',
    sabotage: always(dropHeader('x-frame-options', 404)),
  },
  'no headers on 401': {
    control: 'HDR-1',
    check: 'headers-unauthorised',
    sabotage: always(dropHeader('content-security-policy', 401)),
  },
  'no headers on 431': {
    control: 'HDR-1',
    check: 'headers-large-header',
    sabotage: always(dropHeader('x-content-type-options', 431)),
  },
  'no headers on raw 400': {
    control: 'HDR-1',
    check: 'headers-bad-framing',
    sabotage: always(dropHeader('cache-control', 400)),
  },
  'no headers on 413': {
    control: 'HDR-1',
    check: 'headers-too-large',
    sabotage: always(dropHeader('x-frame-options', 413)),
  },
  'HTML errors': {
    control: 'INP-3',
    check: 'leakage-problem-documents',
    sabotage: always(setHeader('content-type', 'text/html', 404)),
  },
  'Server header': {
    control: 'HDR-3',
    check: 'headers-no-version',
    sabotage: always(setHeader('server', 'fastify/5')),
  },
  'HSTS from the plain port': {
    control: 'HDR-2',
    check: 'headers-plain-no-hsts',
    listener: 'plain',
    sabotage: always(setHeader('strict-transport-security', 'max-age=31536000')),
  },
  'plain port redirects': {
    control: 'TLS-3',
    check: 'tls-plain-refuses',
    listener: 'plain',
    sabotage: always(
      answerWith('HTTP/1.1 308 Moved\r\nlocation: https://x\r\ncontent-length: 0\r\n\r\n', /^/),
    ),
  },
  'plain port serves': {
    control: 'TLS-3',
    check: 'tls-plain-refuses',
    listener: 'plain',
    sabotage: always(answerWith(json('200 OK', '[]'), /^GET \/api/)),
  },
  'TLS 1.0': { control: 'TLS-1', check: 'tls-no-tls-1-0', sabotage: tls({ ...weak, minVersion: 'TLSv1' }) },
  'TLS 1.1': { control: 'TLS-1', check: 'tls-no-tls-1-1', sabotage: tls({ ...weak, minVersion: 'TLSv1.1' }) },
  'CBC ciphers': { control: 'TLS-1', check: 'tls-no-cbc-ciphers', sabotage: tls(weak) },
  'CCM ciphers': { control: 'TLS-1', check: 'tls-no-ccm-and-aria-ciphers', sabotage: tls(weak) },
  'curve P-521': {
    control: 'TLS-1',
    check: 'tls-no-curve-p-521',
    sabotage: tls({ ecdhCurve: 'X25519:secp521r1' }),
  },
  'curve X448': { control: 'TLS-1', check: 'tls-no-curve-x448', sabotage: tls({ ecdhCurve: 'X25519:X448' }) },
  'no TLS 1.3': { control: 'TLS-1', check: 'tls-tls-1-3', sabotage: tls({ maxVersion: 'TLSv1.2' }) },
  'no TLS 1.2': { control: 'TLS-1', check: 'tls-tls-1-2', sabotage: tls({ minVersion: 'TLSv1.3' }) },
  'no X25519': { control: 'TLS-1', check: 'tls-curve-x25519', sabotage: tls({ ecdhCurve: 'P-256' }) },
  'alg none accepted': {
    control: 'AUT-1',
    check: 'auth-forged-tokens',
    sabotage: ({ tokens }) =>
      withToken(tokens.caseworker, (text) => /^none$/i.test(header(tokenOf(text)).alg ?? '')),
  },
  'HS256 accepted': {
    control: 'AUT-1',
    check: 'auth-forged-tokens',
    sabotage: ({ tokens }) => withToken(tokens.caseworker, (text) => header(tokenOf(text)).alg === 'HS256'),
  },
  'any signature accepted': {
    control: 'AUT-1',
    check: 'auth-forged-tokens',
    sabotage: ({ tokens }) => withToken(tokens.caseworker, (text) => tokenOf(text).startsWith('eyJ')),
  },
  'typ not checked': {
    control: 'AUT-1',
    check: 'auth-forged-tokens',
    sabotage: ({ tokens }) => withToken(tokens.caseworker, (text) => header(tokenOf(text)).typ === 'JWT'),
  },
  'bad tokens are 500': {
    control: 'AUT-1',
    check: 'auth-forged-tokens',
    sabotage: always(setStatus(401, 500)),
  },
  'no WWW-Authenticate': {
    control: 'AUT-1',
    check: 'auth-forged-tokens',
    sabotage: always(dropHeader('www-authenticate')),
  },
  'token in the query': {
    control: 'AUT-1',
    check: 'auth-token-elsewhere',
    sabotage: ({ tokens }) => withToken(tokens.caseworker, (text) => /^GET \S*access_token=/.test(text)),
  },
  'token in a cookie': {
    control: 'AUT-6',
    check: 'origins-bearer-ignores-cookies',
    sabotage: ({ tokens }) => withToken(tokens.caseworker, (text) => /\r\ncookie: .*access/i.test(text)),
  },
  'refresh token as access token': {
    control: 'AUT-2',
    check: 'auth-refresh-random',
    sabotage: ({ tokens }) =>
      withToken(tokens.caseworker, (text) => tokenOf(text) !== '' && !tokenOf(text).startsWith('eyJ')),
  },
  'tokens of a day': {
    control: 'AUT-2',
    check: 'auth-token-claims',
    sabotage: always(
      editBody((body) =>
        body.replace(/("accessToken":"[^".]+\.)([^".]+)/, (_all, head: string, claims: string) => {
          const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number };
          return (
            head + Buffer.from(JSON.stringify({ ...read, exp: read.exp + 86_400 })).toString('base64url')
          );
        }),
      ),
    ),
  },
  'private key published': {
    control: 'AUT-1',
    check: 'auth-jwks-public-only',
    sabotage: always(
      editBody((body, request) =>
        request.includes('jwks') ? body.replace('"kty"', '"d":"AAAA","kty"') : body,
      ),
    ),
  },
  'logout does nothing': {
    control: 'AUT-3',
    check: 'auth-logout-revokes',
    sabotage: ({ tokens }) => withToken(tokens.caseworker, (text) => text.startsWith('GET /api/v1/auth/me')),
  },
  'login tells unknown accounts': {
    control: 'AUT-4',
    check: 'auth-login-uniform',
    sabotage: always(setStatus(401, 404, /example\.invalid/)),
  },
  'login takes odd bodies': {
    control: 'AUT-4',
    check: 'auth-login-strict',
    sabotage: always({
      request: (text) => text.replace(',"role":"admin"', ''.padEnd(',"role":"admin"'.length)),
    }),
  },
  'login not throttled': {
    control: 'AUT-5',
    check: 'auth-login-throttled',
    sabotage: always(setStatus(429, 401)),
  },
  'refresh without CSRF proof': {
    control: 'AUT-6',
    check: 'origins-csrf',
    sabotage: always(
      answerWith(
        json('200 OK', '{}', 'set-cookie: __Host-refresh=x\r\n'),
        /^POST \/api\/v1\/auth\/refresh.*\r\n[\s\S]*cookie:/i,
      ),
    ),
  },
  'CORS for everybody': {
    control: 'AUT-7',
    check: 'origins-cors',
    sabotage: always({
      answer: (text, request) => {
        const origin = /\r\norigin: ([^\r]+)/i.exec(request)?.[1];
        return origin ? text.replace('\r\n', `\r\naccess-control-allow-origin: ${origin}\r\n`) : text;
      },
    }),
  },
  'a route without guard': {
    control: 'ACC-1',
    check: 'rbac-anonymous',
    sabotage: ({ tokens }) =>
      withToken(tokens.admin, (text) => text.startsWith('GET /api/v1/users') && tokenOf(text) === ''),
  },
  'roles not checked': {
    control: 'ACC-1',
    check: 'rbac-roles',
    sabotage: ({ tokens }) => withToken(tokens.admin, (text) => tokenOf(text) !== ''),
  },
  'everybody refused': {
    control: 'ACC-1',
    check: 'rbac-roles',
    sabotage: always(setStatus(200, 403, /^GET \/api\/v1\/cases/)),
  },
  'owner not checked': { control: 'ACC-2', check: 'rbac-other-owner', sabotage: () => asTheOwner() },
  'mass assignment dropped silently': {
    control: 'ACC-3',
    check: 'rbac-mass-assignment',
    sabotage: always({
      request: (text) => text.replace(/,"(role|id|ownerId)":"[^"]*"/, (field) => ' '.repeat(field.length)),
    }),
  },
  '404 for wrong methods': { control: 'ACC-4', check: 'rbac-methods', sabotage: always(setStatus(405, 404)) },
  'no Allow': { control: 'ACC-4', check: 'rbac-methods', sabotage: always(dropHeader('allow')) },
  'TRACE echoes': {
    control: 'ACC-4',
    check: 'exposure-trace',
    sabotage: always(answerWith(json('200 OK', 'x-echo: echo-me'), /^TRACE/)),
  },
  'limiter off': { control: 'LIM-1', check: 'limiter-exact', sabotage: always(setStatus(429, 200)) },
  'quota and one more': { control: 'LIM-1', check: 'limiter-exact', sabotage: () => oneMore() },
  'no limiter headers': {
    control: 'LIM-1',
    check: 'limiter-headers',
    sabotage: always(dropHeader('x-ratelimit-remaining')),
  },
  'no Retry-After': { control: 'LIM-1', check: 'limiter-429', sabotage: always(dropHeader('retry-after')) },
  'one bucket for all': { control: 'LIM-2', check: 'limiter-isolation', sabotage: () => sharedBucket() },
  'forwarded address believed': {
    control: 'LIM-2',
    check: 'limiter-bypass',
    sabotage: ({ tokens }) => withToken(tokens.caseworker, (text) => /\r\nx-forwarded-for: /i.test(text)),
  },
  'errors repeat the path': {
    control: 'INP-3',
    check: 'leakage-no-echo',
    sabotage: always(
      editBody(
        (body, request) => body.replace('"title"', `"path":"${request.split(' ')[1] ?? ''}","title"`),
        404,
      ),
    ),
  },
  'errors with a stack': {
    control: 'INP-3',
    check: 'leakage-no-internals',
    sabotage: always(
      editBody((body) => body.replace('"title"', '"stack":"at handler (app/x.ts:1)","title"'), 404),
    ),
  },
  'a second answer': {
    control: 'INP-1',
    check: 'leakage-framing',
    sabotage: always({
      answer: (text, request) => (/transfer-encoding/i.test(request) ? text + json('200 OK', '{}') : text),
    }),
  },
  'two Hosts taken': {
    control: 'INP-1',
    check: 'leakage-framing',
    sabotage: always({
      request: (text) =>
        text.replace('\r\nHost: attacker.example', '').replace('http://attacker.example/', '/'),
    }),
  },
  'text taken for JSON': {
    control: 'INP-2',
    check: 'leakage-content-types',
    sabotage: always({
      request: (text) => text.replace(/content-type: text\/plain/i, 'content-type: application/json'),
    }),
  },
  'metrics on the public side': {
    control: 'EXP-1',
    check: 'exposure-hidden-paths',
    sabotage: always({ request: (text) => text.replace(/^GET \/metrics /, 'GET /health ') }),
  },
  'health tells the version': {
    control: 'HDR-3',
    check: 'exposure-health',
    sabotage: always(
      editBody((_body, request) => (request.startsWith('GET /health') ? '{"version":"1.2.3"}' : _body)),
    ),
  },
  'API on the internal side': {
    control: 'EXP-1',
    check: 'exposure-internal-tls',
    listener: 'internal',
    sabotage: always(setStatus(404, 401, /^GET \/api/)),
  },
};

/** Every request for one case is made in the name of whoever made it. */
function asTheOwner(): Sabotage {
  let owner = '';
  return {
    request(text) {
      if (text.startsWith('POST /api/v1/cases ')) owner = tokenOf(text);
      return /^(GET|HEAD|PATCH|DELETE) \/api\/v1\/cases\/[\w-]+ /.test(text) && owner !== ''
        ? authorised(text, owner)
        : text;
    },
  };
}

/** One refused request is let through. */
function oneMore(): Sabotage {
  let left = 1;
  return {
    answer(text) {
      if (!text.startsWith('HTTP/1.1 429') || left === 0) return text;
      left -= 1;
      return text.replace('HTTP/1.1 429', 'HTTP/1.1 200');
    },
  };
}

/** Once one user is limited, so is everybody. */
function sharedBucket(): Sabotage {
  let limited = '';
  return {
    answer(text) {
      if (text.startsWith('HTTP/1.1 429')) limited = text;
      return limited || text;
    },
  };
}
