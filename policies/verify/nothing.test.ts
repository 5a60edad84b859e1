import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { checks } from './checks/index.ts';
import { exitCode } from './report.ts';
import { verify } from './run.ts';
import type { User } from './types.ts';

/** Servers that hold nothing: no check may be green because there was nothing to see. */

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = `${encode({ alg: 'none' })}.${encode({ exp: 9e9, iat: 0, email: 'a' })}.x`;
const everything = {
  accessToken: token,
  refreshToken: 'short',
  keys: [{ d: 'private' }],
  id: 'x',
  stack: 'at x (y.ts:1)',
  version: '1.2.3',
};
const users = (['reader', 'caseworker', 'caseworker', 'admin'] as const).map(
  (role, index): User => ({ email: `${role}${index}@example.com`, password: 'x', role }),
);
const operations = [
  { method: 'GET', path: '/api/v1/users', access: ['admin'], body: false },
  { method: 'POST', path: '/api/v1/cases', access: ['caseworker', 'admin'], body: true },
];

async function results(answer: string, who: readonly User[] = users) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const target = {
    host: '127.0.0.1',
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    tls: false,
    ca: undefined,
  };
  try {
    return await verify({ target, plain: target, internal: target, users: who, operations }, checks);
  } finally {
    server.close();
  }
}

function message(status: string, body: string, headers = ''): string {
  return `HTTP/1.1 ${status}\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;
}

const open = message(
  '200 OK',
  JSON.stringify(everything),
  'server: x\r\naccess-control-allow-origin: *\r\nstrict-transport-security: x\r\n',
);

/** Nothing of TLS can be seen without TLS: offers are refused by whoever does not speak it. */
const blind = /^tls-(no-|port-80)/;

test.each([
  ['says yes to everything', open],
  ['says 201 to everything', message('201 Created', JSON.stringify({ ...everything, title: 'x' }))],
])('of a server that %s, next to nothing is green, and the command exits 1', async (_what, answer) => {
  const seen = await results(answer);
  const green = seen
    .filter(({ status, check }) => status === 'pass' && !blind.test(check.id))
    .map(({ check }) => check.id);
  // Neither repeats what it was sent, nor forgets its session.
  for (const id of green)
    expect([
      'leakage-no-echo',
      'leakage-no-internals',
      'origins-csrf-keeps-session',
      'headers-no-version',
      'headers-plain-no-hsts',
      'origins-cors',
      'leakage-problem-documents',
      'auth-jwks-public-only',
    ]).toContain(id);
  expect(exitCode(seen)).toBe(1);
});

test.each([
  ['says 500', message('500 Oops', '{}')],
  ['limits everybody', message('429 Slow', '{}', 'retry-after: 60\r\n')],
  ['closes at once', ''],
])(
  'of a server that %s, nothing about access is green',
  async (_what, answer) => {
    const seen = await results(answer);
    const green = seen.filter(
      ({ status, check }) => status === 'pass' && ['auth', 'rbac', 'limiter'].includes(check.group),
    );
    expect(green.map(({ check }) => check.id)).toEqual([]);
    expect(exitCode(seen)).not.toBe(0);
  },
  60_000,
);
