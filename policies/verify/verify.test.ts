import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../test/support/redis.ts';
import type { TestService } from '../../test/support/service.ts';
import { type RunningVictim, startVictim } from '../mutants/victim.ts';
import { publicKey, refused } from './checks/auth.ts';
import { checks } from './checks/index.ts';
import { send, type Target } from './client.ts';
import { decode, forgeries } from './forge.ts';
import { main } from './main.ts';
import { verify } from './run.ts';
import type { Result, User } from './types.ts';

let victim: RunningVictim;
/** A replica whose limits are out of the way of what is not about them. */
let generous: TestService;
let folder: string;
beforeAll(async () => {
  victim = await startVictim();
  generous = await victim.backing.start({ POLICIES_FILE: join(victim.backing.dir, 'policies.json') });
  folder = mkdtempSync(join(tmpdir(), 'security-verify-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await victim.stop();
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
const generousApi = (): Target => ({ ...victim.api, port: generous.ports.api });
const ca = (): string => join(victim.backing.dir, 'tls/ca.crt');

describe('the real service holds every check', () => {
  let results: readonly Result[];
  let started: number;
  beforeAll(async () => {
    started = Date.now();
    const { api: target, plain, internal, operations } = victim;
    results = await verify({ target, plain, internal, operations, users: victim.backing.users }, checks);
  }, 60_000);

  test.each(checks.map(({ id }) => id))('%s', (id) => {
    const result = results.find(({ check }) => check.id === id);
    expect({ status: result?.status, observed: result?.observed }).toMatchObject({ status: 'pass' });
  });

  test('within the minute that it may take', () => {
    expect(Date.now() - started).toBeLessThan(60_000);
  });

  test('and leaves no case and no session behind', async () => {
    const fresh = await victim.freshUsers();
    const admin = await generous.login(fresh.find(({ role }) => role === 'admin') as User);
    expect((await admin.send('GET', '/api/v1/cases')).json.items).toEqual([]);
    const sessions = await victim.service.service.context.data.keys('cs:v1:{session:*').catch(() => null);
    if (sessions !== null) expect(sessions).toHaveLength(1);
  });
});

test('tokens with wrong claims are refused even when the signature is right', async () => {
  const [, first] = await victim.freshUsers();
  const { accessToken } = await generous.login(first as User);
  const { active, keys } = JSON.parse(
    readFileSync(join(victim.backing.dir, 'secrets/token-keys.json'), 'utf8'),
  ) as {
    active: string;
    keys: { kid: string }[];
  };
  const own = createPrivateKey({ key: keys.find(({ kid }) => kid === active) as never, format: 'jwk' });
  const jwk = await publicKey({ target: generousApi() }, accessToken);
  const all = forgeries(accessToken, jwk, own);
  expect(all.length).toBeGreaterThanOrEqual(60);
  const wrong: string[] = [];
  for (const { name, authorization } of all) {
    const answer = await send(generousApi(), {
      path: '/api/v1/auth/me',
      headers: authorization.map((value) => ['authorization', value] as const),
    });
    const problem = authorization.length > 1 && answer.status === 400 ? null : refused(answer);
    if (problem) wrong.push(`${name}: ${problem}`);
  }
  expect(wrong).toEqual([]);
  expect(decode(accessToken).header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: active });
});

test('the command verifies a target, writes JSON and JUnit, and prints no token', async () => {
  const users = written('users.json', JSON.stringify(await victim.freshUsers()));
  const [json, junit] = [join(folder, 'out.json'), join(folder, 'out.xml')];
  const [code, text] = await run(
    ...['--target', url(), '--ca', ca(), '--users', users, '--only', 'tls,headers-ok,auth-token-claims'],
    ...['--json', json, '--junit', junit, '--plain', `http://127.0.0.1:${generous.ports.plain}`],
  );
  expect(text).toMatch(/\d+ passed, 0 failed, 0 could not be checked, 0 skipped/);
  expect(code).toBe(0);
  const report = JSON.parse(readFileSync(json, 'utf8')) as { exitCode: number; results: { id: string }[] };
  expect(report.exitCode).toBe(0);
  expect(report.results.map(({ id }) => id)).toContain('auth-token-claims');
  expect(readFileSync(junit, 'utf8')).toContain('failures="0"');
  expect(text).not.toContain('eyJ');
});

test('--read-only skips what writes, and says so', async () => {
  const users = written('users.json', JSON.stringify(await victim.freshUsers()));
  const [code, text] = await run(
    ...['--target', url(), '--ca', ca(), '--users', users, '--read-only', '--behind-edge'],
    ...['--only', 'exposure-trace,limiter-exact,leakage-framing,tls-plain-refuses,exposure-internal-tls'],
  );
  expect(code).toBe(0);
  expect(text).toMatch(/skip limiter-exact: .*--read-only/);
  expect(text).toMatch(/skip leakage-framing: .*--behind-edge/);
  expect(text).toContain('1 passed, 0 failed, 0 could not be checked, 4 skipped');
});

test('the OWASP profile finds the house’s X-XSS-Protection, and exits 1', async () => {
  const users = written('users.json', JSON.stringify(await victim.freshUsers()));
  const [code, text] = await run(
    '--target',
    url(),
    '--ca',
    ca(),
    '--users',
    users,
    '--profile',
    'owasp',
    '--only',
    'headers-ok',
  );
  expect(code).toBe(1);
  expect(text).toContain('x-xss-protection: 1; mode=block');
});

test('without --target the local stack is verified, when it runs', async () => {
  const lines: string[] = [];
  const local = (stackFile: string): Promise<number> =>
    main(['--only', 'tls-tls-1-3,exposure-internal-tls'], (line) => lines.push(line), stackFile);
  expect(await local(join(folder, 'none.json'))).toBe(2);
  expect(lines.join('\n')).toMatch(/no --target, and the local stack does not run \(npm start\)/);
  const users = written('users.json', JSON.stringify(await victim.freshUsers()));
  const internal = [`https://127.0.0.1:${generous.ports.internal}`];
  const stack = written('stack.json', JSON.stringify({ edge: url(), ca: ca(), users, internal }));
  expect(await local(stack)).toBe(0);
  expect(lines.at(-1)).toMatch(/2 passed, 0 failed, 0 could not be checked, 0 skipped/);
});

describe('what cannot be checked is never green: exit 2 and the remedy', () => {
  const bad: readonly (readonly [what: string, argv: () => Promise<string[]>, says: RegExp])[] = [
    ['an unknown option', async () => ['--nothing'], /Unknown option/],
    ['an unknown check', async () => ['--only', 'nothing'], /no group or check is named nothing/],
    [
      'an unknown profile',
      async () => ['--target', url(), '--users', 'x', '--profile', 'mozilla'],
      /--users: x cannot be read|not house or owasp/,
    ],
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
    [
      'a target with a path',
      async () => ['--target', `${url()}/api`, '--users', written('u.json', '[]')],
      /is not https/,
    ],
    [
      'nobody at the target',
      async () => [...(await good()), '--target', `https://127.0.0.1:${await freePort()}`],
      /cannot be reached: ECONNREFUSED/,
    ],
    [
      'nobody at a plain target',
      async () => [...(await good()), '--target', `http://127.0.0.1:${await freePort()}`],
      /http:\/\/127\.0\.0\.1:\d+ cannot be reached: ECONNREFUSED; is it running/,
    ],
    [
      'no file of operations',
      async () => [...(await good()), '--openapi', join(folder, 'none')],
      /--openapi: .* cannot be read/,
    ],
    ['another authority', async () => ['--target', url(), ...(await users())], /not of that authority/],
    [
      'a wrong password',
      async () => [
        ...(await good()),
        '--users',
        written(
          'w.json',
          JSON.stringify([{ email: 'a@example.com', password: 'wrong', role: 'caseworker' }]),
        ),
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
        written('r.json', JSON.stringify([{ email: 'a@example.com', password: 'x', role: 'admin' }])),
        '--only',
        'auth-token-claims',
      ],
      /has no caseworker/,
    ],
  ];
  const users = async (): Promise<string[]> => [
    '--users',
    written('users.json', JSON.stringify(await victim.freshUsers())),
  ];
  const good = async (): Promise<string[]> => ['--target', url(), '--ca', ca(), ...(await users())];

  test.each(bad)('%s', async (_what, argv, says) => {
    const [code, text] = await run(...(await argv()));
    expect(text).toMatch(says);
    expect(code).toBe(2);
  });

  test('a check that has no time left', async () => {
    const { api: target, operations } = victim;
    const one = checks.filter(({ id }) => id === 'tls-tls-1-3');
    const [result] = await verify({ target, operations, users: [], budgetMs: -1 }, one);
    expect(result).toMatchObject({ status: 'error', observed: 'no time left' });
  });
});

test('--help and --list', async () => {
  expect((await run('--help'))[1]).toContain('exit code: 0 all hold');
  expect((await run('--list'))[1].split('\n')).toHaveLength(checks.length);
});
