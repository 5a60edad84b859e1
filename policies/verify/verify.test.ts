import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createRawServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../test/support/redis.ts';
import type { TestService } from '../../test/support/service.ts';
import type { Check, User } from './check.ts';
import { publicKey, refusalProblem } from './checks/auth.ts';
import { checks } from './checks/index.ts';
import { send, type Target } from './client.ts';
import { quotas } from './expected.ts';
import { startFaultyProxy } from './fixtures/faulty-proxy.ts';
import { type RunningService, startRunningService } from './fixtures/running-service.ts';
import { decode, forgeries } from './forge.ts';
import { main } from './main.ts';
import { exitCode } from './report.ts';
import { type Progress, verify } from './run.ts';

let running: RunningService;
/** A replica whose limits do not get in the way. */
let generous: TestService;
let folder: string;
beforeAll(async () => {
  running = await startRunningService();
  generous = await running.backing.start({ POLICIES_FILE: join(running.backing.dir, 'policies.json') });
  folder = mkdtempSync(join(tmpdir(), 'security-verify-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await running.stop();
});

async function run(...argv: string[]): Promise<[code: number, text: string]> {
  const lines: string[] = [];
  const code = await main(argv, (line) => lines.push(line));
  return [code, lines.join('\n')];
}

function written(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

const url = (): string => `https://127.0.0.1:${generous.ports.api}`;
const ca = (): string => join(running.backing.dir, 'tls/ca.crt');
const some = (...ids: string[]): readonly Check[] => checks.filter(({ id }) => ids.includes(id));
const users = async (): Promise<string[]> => [
  '--users',
  written('users.json', JSON.stringify(await running.freshUsers())),
];
const good = async (): Promise<string[]> => ['--target', url(), '--ca', ca(), ...(await users())];

test('the real service holds every check, and no case or session is left behind', async () => {
  const { api: target, plain, internal, operations } = running;
  const results = await verify(
    { target, plain, internal, operations, quotas, users: running.backing.users },
    checks,
  );
  const red = results.filter(({ status }) => status === 'fail' || status === 'error');
  expect(red.map(({ check, observed }) => `${check.id}: ${observed}`)).toEqual([]);
  const fresh = await running.freshUsers();
  const admin = await generous.login(fresh.find(({ role }) => role === 'admin') as User);
  expect((await admin.send('GET', '/api/v1/cases')).json.items).toEqual([]);
}, 180_000);

test('refuses tokens with wrong claims even when the signature is right', async () => {
  const [, first] = await running.freshUsers();
  const { accessToken } = await generous.login(first as User);
  const file = readFileSync(join(running.backing.dir, 'secrets/token-keys.json'), 'utf8');
  const { active, keys } = JSON.parse(file) as { active: string; keys: { kid: string }[] };
  const key = createPrivateKey({ key: keys.find(({ kid }) => kid === active) as never, format: 'jwk' });
  const target: Target = { ...running.api, port: generous.ports.api };
  const jwk = await publicKey({ send: (request) => send(target, request) }, accessToken);
  const wrong: string[] = [];
  for (const { name, authorization } of forgeries(accessToken, jwk, key)) {
    const headers = authorization.map((value) => ['authorization', value] as const);
    const answer = await send(target, { path: '/api/v1/auth/me', headers });
    const problem = authorization.length > 1 && answer.status === 400 ? null : refusalProblem(answer);
    if (problem) wrong.push(`${name}: ${problem}`);
  }
  expect(wrong).toEqual([]);
  expect(decode(accessToken).header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: active });
});

test('an OpenAPI file that gives readers more than the checklist is a finding', async () => {
  const operations = running.operations.map((one) =>
    one.path === '/api/v1/users' ? { ...one, access: ['reader', 'admin'] } : one,
  );
  const [result] = await verify({ target: running.api, operations, users: [] }, some('rbac-declared'));
  expect(result).toMatchObject({
    status: 'fail',
    observed:
      'GET /api/v1/users: reader,admin instead of admin; POST /api/v1/users: reader,admin instead of admin',
  });
});

describe('a request that is limited', () => {
  /** Answers the first requests with 429, and then as the service answers an unknown path. */
  async function limitedService(denied: number, waitMs: number) {
    let count = 0;
    const server = createServer((_request, response) => {
      count += 1;
      const status = count <= denied ? 429 : 404;
      response.writeHead(status, { 'retry-after': '1', 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ status, title: 'x', instance: 'x' }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const waits: number[] = [];
    const progress: Progress = { waiting: (seconds) => waits.push(seconds) };
    const target = { host: '127.0.0.1', port, tls: false, ca: undefined };
    const [result] = await verify(
      { target, users: [], operations: [], waitMs },
      some('exposure-hidden-paths'),
      progress,
    );
    server.close();
    server.closeAllConnections();
    return { result, waits };
  }

  test('is sent again after Retry-After', async () => {
    const { result, waits } = await limitedService(2, 10_000);
    expect(waits).toEqual([1, 1]);
    expect(result?.status).toBe('pass');
  });

  test('is an error and no finding when there is no time to wait', async () => {
    const { result } = await limitedService(1, 0);
    expect(result).toMatchObject({ status: 'error', observed: expect.stringMatching(/again in 1 s/) });
  });
});

describe('a server that holds nothing', () => {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const everything = JSON.stringify({
    accessToken: `${encode({ alg: 'none' })}.${encode({ exp: 9e9, iat: 0, email: 'a' })}.x`,
    refreshToken: 'short',
    keys: [{ d: 'private' }],
    id: 'x',
    stack: 'at x (y.ts:1)',
    version: '1.2.3',
  });
  const message = (status: string, body: string, headers = ''): string =>
    `HTTP/1.1 ${status}\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;
  /** Nothing of TLS can be observed without TLS, and a server without errors reveals nothing in them. */
  const blind = /^(tls-(no-|port-)|leakage-no-(echo|internals)|leakage-problem)/;

  test.each([
    ['accepts everything', message('200 OK', everything, 'access-control-allow-origin: *\r\n')],
    ['creates everything', message('201 Created', everything)],
    ['answers 500', message('500 Oops', '{}')],
    ['limits everybody', message('429 Slow', '{}', 'retry-after: 60\r\n')],
    ['closes at once', ''],
  ])(
    '%s: no check of access is green, and the exit code is not 0',
    async (_name, answer) => {
      const server = createRawServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end(answer));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as { port: number };
      const target = { host: '127.0.0.1', port, tls: false, ca: undefined };
      const known = ['reader', 'caseworker', 'caseworker', 'admin'].map(
        (role, index) => ({ email: `${role}${index}@example.com`, password: 'x', role }) as User,
      );
      const quick = checks.filter((check) => !check.slow);
      const options = { target, plain: target, internal: target, users: known, quotas, waitMs: 0 };
      const results = await verify({ ...options, operations: running.operations }, quick);
      server.close();
      const green = results.filter(({ status, check }) => status === 'pass' && !blind.test(check.id));
      expect(green.map(({ check }) => check.id)).toEqual(
        green
          .map(({ check }) => check.id)
          .filter((id) => /^(rbac-declared|headers-no-version|origins-cors|tls-)/.test(id)),
      );
      expect(exitCode(results)).not.toBe(0);
    },
    60_000,
  );
});

describe('a certificate', () => {
  test.each([
    ['ends today', 0.2, 'tls-expiry', /^0 of/],
    ['ended yesterday', -0.5, 'tls-tls-1-3', /certificate has expired/],
  ])('that %s is a finding', async (_name, days, id, says) => {
    const { certificate: cert, key } = await running.backing.authority.issue(days);
    const proxy = await startFaultyProxy(running.api, { cert, key }, {});
    try {
      const target = `https://127.0.0.1:${proxy.target.port}`;
      const [code, text] = await run(...['--target', target, '--ca', ca(), ...(await users()), '--only', id]);
      expect(code).toBe(1);
      expect(text).toMatch(new RegExp(`FAIL ${id}[\\s\\S]*observed: .*`));
      expect(/observed: (.*)/.exec(text)?.[1]).toMatch(says);
    } finally {
      await proxy.stop();
    }
  });

  test('with all its life before it passes; nobody at the port is no refusal of an offer', async () => {
    const [result] = await verify({ target: running.api, users: [], operations: [] }, some('tls-expiry'));
    expect(result?.status).toBe('pass');
    const port = await freePort();
    const target = { host: 'api.example', port, tls: true, ca: undefined, at: { host: '127.0.0.78', port } };
    const results = await verify(
      { target, users: [], operations: [] },
      some('tls-no-tls-1-0', 'tls-port-80'),
    );
    expect(results.map(({ status, observed }) => [status, observed])).toEqual([
      ['error', 'this machine cannot make that offer (ECONNREFUSED)'],
      ['pass', 'closed'],
    ]);
  });
});

describe('the command', () => {
  test('writes JSON and JUnit, and prints no token', async () => {
    const [json, junit] = [join(folder, 'out.json'), join(folder, 'out.xml')];
    const [code, text] = await run(
      ...(await good()),
      ...['--only', 'tls,headers-ok,auth-token-claims', '--json', json, '--junit', junit],
      ...['--plain', `http://127.0.0.1:${generous.ports.plain}`],
    );
    expect(text).toMatch(/\d+ passed, 0 failed, 0 could not be checked, 0 skipped/);
    expect(code).toBe(0);
    const report = JSON.parse(readFileSync(json, 'utf8')) as { exitCode: number; results: object[] };
    expect(report.exitCode).toBe(0);
    expect(report.results).toContainEqual(
      expect.objectContaining({ id: 'auth-token-claims', control: 'AUT-2' }),
    );
    expect(readFileSync(junit, 'utf8')).toContain('failures="0"');
    expect(text).not.toContain('eyJ');
  });

  test('--read-only skips the checks that write, and says so', async () => {
    const [code, text] = await run(
      ...(await good()),
      ...['--read-only', '--behind-edge', '--only'],
      'exposure-trace,limiter-exact,leakage-framing,tls-plain-refuses,exposure-internal-tls',
    );
    expect(code).toBe(0);
    expect(text).toMatch(/skip limiter-exact: .*--read-only/);
    expect(text).toMatch(/skip leakage-framing: .*--behind-edge/);
    expect(text).toContain('1 passed, 0 failed, 0 could not be checked, 4 skipped');
  });

  test('--profile owasp finds the checklist’s X-XSS-Protection, and exits 1', async () => {
    const [code, text] = await run(...(await good()), '--profile', 'owasp', '--only', 'headers-ok');
    expect(code).toBe(1);
    expect(text).toContain('x-xss-protection: 1; mode=block');
  });

  test('--policies names the limits in force', async () => {
    const own = join(running.backing.dir, 'policies.json');
    expect((await run(...(await good()), '--only', 'limiter-quotas'))[0]).toBe(1);
    expect((await run(...(await good()), '--only', 'limiter-quotas', '--policies', own))[0]).toBe(0);
  });

  test('verifies the local stack without --target, when it runs', async () => {
    const lines: string[] = [];
    const local = (stackFile: string): Promise<number> =>
      main(['--only', 'tls-tls-1-3,exposure-internal-tls'], (line) => lines.push(line), stackFile);
    expect(await local(join(folder, 'none.json'))).toBe(2);
    expect(lines.join('\n')).toMatch(/no --target, and the local stack does not run \(npm start\)/);
    const internal = [`https://127.0.0.1:${generous.ports.internal}`];
    const [, usersFile] = await users();
    const stack = written(
      'stack.json',
      JSON.stringify({ edge: url(), ca: ca(), users: usersFile, internal }),
    );
    expect(await local(stack)).toBe(0);
    expect(lines.at(-1)).toMatch(/2 passed, 0 failed, 0 could not be checked, 0 skipped/);
  });

  const account = (role: string) => JSON.stringify([{ email: 'a@example.com', password: 'wrong', role }]);
  test.each<readonly [what: string, argv: () => Promise<string[]>, says: RegExp]>([
    ['an unknown option', async () => ['--nothing'], /Unknown option/],
    ['an unknown check', async () => ['--only', 'nothing'], /no group or check is named nothing/],
    ['an unknown profile', async () => [...(await good()), '--profile', 'mozilla'], /not house or owasp/],
    ['no users', async () => ['--target', url()], /--users FILE is missing/],
    [
      'no users file',
      async () => ['--target', url(), '--users', join(folder, 'none')],
      /--users: .* cannot be read/,
    ],
    [
      'a wrong users file',
      async () => ['--target', url(), '--users', written('bad.json', '{"a":1}')],
      /no JSON list/,
    ],
    ['a target with a path', async () => ['--target', `${url()}/api`, ...(await users())], /is not https/],
    [
      'nobody at the target',
      async () => [...(await good()), '--target', `https://127.0.0.1:${await freePort()}`],
      /https:\/\/127\.0\.0\.1:\d+ cannot be reached: ECONNREFUSED; is it running/,
    ],
    [
      'no OpenAPI file',
      async () => [...(await good()), '--openapi', join(folder, 'none')],
      /--openapi: .* cannot be read/,
    ],
    ['another authority', async () => ['--target', url(), ...(await users())], /not of that authority/],
    [
      'a wrong password',
      async () => [
        ...(await good()),
        '--users',
        written('w.json', account('caseworker')),
        '--only',
        'auth-token-claims',
      ],
      /cannot sign in: 401/,
    ],
    [
      'a missing role',
      async () => [
        ...(await good()),
        '--users',
        written('r.json', account('admin')),
        '--only',
        'auth-token-claims',
      ],
      /has no caseworker/,
    ],
  ])('exits 2 and names the remedy: %s', async (_what, argv, says) => {
    const [code, text] = await run(...(await argv()));
    expect(text).toMatch(says);
    expect(code).toBe(2);
  });

  test('--help and --list', async () => {
    expect((await run('--help'))[1]).toContain('exit code: 0 all hold');
    expect((await run('--list'))[1].split('\n')).toHaveLength(checks.length);
  });
});
