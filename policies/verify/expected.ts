import type { Operation, Profile, Quota } from './check.ts';
import { type Answer, notAProblem } from './client.ts';

/**
 * The expectations of the live checks, as literals. They import nothing of the service on purpose: a weakness there must not
 * weaken the check too.
 */

/** How an answer travelled. */
export interface Circumstances {
  readonly profile: Profile;
  readonly tls: boolean;
  /** An origin that the service allows, whose pages may embed answers. */
  readonly origin: string | null;
}

type Expectation = (value: string, circumstances: Circumstances) => boolean;

const exactly =
  (wanted: string): Expectation =>
  (value) =>
    value === wanted;

/** One year, as ASVS 3.4.1 asks. */
const hstsSeconds = 31_536_000;
const closedDirectives = ['default-src', 'base-uri', 'form-action', 'frame-ancestors'];
const deniedFeatures = ['camera', 'geolocation', 'microphone'];

const securityHeaders: Readonly<Record<string, Expectation>> = {
  'content-security-policy': hasClosedPolicy,
  'x-frame-options': exactly('DENY'),
  'x-content-type-options': exactly('nosniff'),
  'x-xss-protection': (value, { profile }) => value === (profile === 'owasp' ? '0' : '1; mode=block'),
  'referrer-policy': exactly('no-referrer'),
  'cross-origin-resource-policy': (value, { origin }) =>
    value === 'same-origin' || (origin !== null && value === 'cross-origin'),
  'permissions-policy': (value) => deniedFeatures.every((name) => list(value).includes(`${name}=()`)),
  'cache-control': (value) => list(value).includes('no-store') && !/public|max-age=[1-9]/.test(value),
};

/** Headers that name the software. */
const revealing = ['server', 'x-powered-by', 'via', 'x-generator', 'x-runtime', 'x-aspnet-version'];

/** Returns the deviations of an answer's headers from the checklist. */
export function headerFindings(answer: Answer, circumstances: Circumstances): readonly string[] {
  const { headers } = answer;
  const wrong = Object.entries(securityHeaders)
    .filter(([name, holds]) => !holds(headers.get(name) ?? '', circumstances))
    .map(([name]) => `${name}: ${headers.get(name) ?? 'absent'}`);
  const hsts = headers.get('strict-transport-security');
  if (circumstances.tls ? !isLongHsts(hsts ?? '') : hsts !== undefined)
    wrong.push(`strict-transport-security: ${hsts ?? 'absent'}`);
  for (const name of revealing) if (headers.has(name)) wrong.push(`${name}: ${headers.get(name)}`);
  if (answer.answers > 1) wrong.push(`${answer.answers} answers to one request`);
  return wrong;
}

function isLongHsts(value: string): boolean {
  const directives = value.split(';').map((part) => part.trim().toLowerCase());
  const age = Number(/^max-age="?(\d+)"?$/.exec(directives[0] ?? '')?.[1]);
  return age >= hstsSeconds && directives.includes('includesubdomains');
}

function hasClosedPolicy(value: string): boolean {
  const directives = new Map(
    value.split(';').map((part) => {
      const [name = '', ...sources] = part.trim().split(/\s+/);
      return [name, sources.join(' ')];
    }),
  );
  return (
    closedDirectives.every((name) => directives.get(name) === "'none'") &&
    [...directives.values()].every((sources) => sources === "'none'" || sources === '')
  );
}

function list(value: string): readonly string[] {
  return value.split(',').map((part) => part.trim());
}

const internals =
  /(node_modules|\bat [\w.<>]+ \(|\.[jt]s:\d+|"stack"|ECONN|ioredis|fastify|redis:\/\/|rediss:\/\/|ERR_[A-Z]|argon2|127\.0\.0\.1)/i;

/** Returns the deviations of an error from a problem document that reveals nothing; none for a success. */
export function errorFindings(answer: Answer, hasBody: boolean, behindEdge: boolean): readonly string[] {
  const { status, body } = answer;
  if (status < 400 || !hasBody) return [];
  // Go-based proxies answer these themselves, as plain text.
  if (behindEdge && [400, 404, 408, 413, 431, 502, 503, 504].includes(status)) return [];
  const revealed = internals.exec(body)?.[0];
  const problem = notAProblem(answer);
  return [
    ...(status >= 500 && status !== 501 && status !== 503 ? [`is answered ${status}`] : []),
    ...(revealed === undefined ? [] : [`reveals ${revealed}`]),
    ...(problem ? [problem] : []),
    ...(problem || /"instance":"/.test(body) ? [] : ['has no instance']),
  ];
}

const everyRole = ['reader', 'caseworker', 'admin'] as const;
const writers = ['caseworker', 'admin'] as const;
const admins = ['admin'] as const;

const access: readonly (readonly [operation: string, access: Operation['access']])[] = [
  ['GET /', 'public'],
  ['GET /health', 'public'],
  ['GET /.well-known/jwks.json', 'public'],
  ['POST /api/v1/auth/login', 'public'],
  ['POST /api/v1/auth/refresh', 'public'],
  ['POST /api/v1/auth/logout', 'public'],
  ['POST /api/v1/auth/password', everyRole],
  ['GET /api/v1/auth/me', everyRole],
  ['GET /api/v1/cases', everyRole],
  ['POST /api/v1/cases', writers],
  ['GET /api/v1/cases/export', everyRole],
  ['POST /api/v1/cases/search', everyRole],
  ['GET /api/v1/cases/{id}', everyRole],
  ['PATCH /api/v1/cases/{id}', writers],
  ['DELETE /api/v1/cases/{id}', writers],
  ['POST /api/v1/sync', writers],
  ['GET /api/v1/sync/status', writers],
  ['GET /api/v1/users', admins],
  ['POST /api/v1/users', admins],
  ['PATCH /api/v1/users/{id}', admins],
];

/** The access that the checklist gives the case service's operations, by `METHOD path`. */
export const caseServiceAccess: ReadonlyMap<string, Operation['access']> = new Map(access);

/** The largest quotas that the checklist accepts, per policy. */
export const quotas: readonly Quota[] = [
  { name: 'default', quota: 100, windowSeconds: 60 },
  { name: 'intensive', quota: 200, windowSeconds: 60 },
  { name: 'login', quota: 10, windowSeconds: 60 },
  { name: 'login-address', quota: 30, windowSeconds: 60 },
  { name: 'login-endpoint', quota: 600, windowSeconds: 60 },
  { name: 'address', quota: 6_000, windowSeconds: 60 },
  { name: 'global', quota: 60_000, windowSeconds: 60 },
];

/** Passwords of at least twelve characters that every list of the most used ones has, or that follow its patterns. */
export const commonPasswords: readonly string[] = [
  'password1234',
  'qwerty123456',
  'P@ssw0rd1234',
  'Summer2024!!',
  '123456789012',
  'aaaaaaaaaaaa',
  'simple378simple378',
  'short-Xk9$v',
];
