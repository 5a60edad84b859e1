import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createAuthority, writeCertificate } from '../../test/support/certificates.ts';
import { freePort, type RedisServer, startRedis } from '../../test/support/redis.ts';
import { type ChildProcess, spawn } from '../programs/child-process.ts';
import { aclFile, type RedisUser } from './redis.ts';
import { reloadScript } from './redis-reload.ts';
import { sentinelAcl, sentinelConf } from './sentinel.ts';

const folder = mkdtempSync(join(tmpdir(), 'redis-reload-'));
const path = (name: string) => join(folder, name);
let server: RedisServer;
let sentinel: ChildProcess;
let reloader: ChildProcess;
let said = '';

/** As a mounted Secret changes: a reader sees the old file or the new one, never a part. */
function replace(name: string, text: string) {
  writeFileSync(path(`${name}.new`), text);
  renameSync(path(`${name}.new`), path(name));
}

/** The files during a rotation. */
function write(
  accepted: readonly string[],
  active: string,
  more: Readonly<Record<string, readonly string[]>> = {},
) {
  for (const file of ['reloader', 'replication', 'sentinel', 'sentinel-client'])
    replace(`${file}-password`, active);
  const users = { 'case-data': accepted, exporter: accepted, reloader: accepted, sentinel: accepted };
  replace('sentinel.acl', sentinelAcl({ sentinel: accepted, reloader: accepted, exporter: accepted }));
  replace('users.acl', aclFile({ ...users, ...more }));
}

/** A Sentinel that watches the server. */
async function startSentinel(): Promise<{ process: ChildProcess; port: number }> {
  const port = await freePort();
  const input = {
    primaryName: 'main',
    hosts: [],
    domain: '',
    redisPort: server.port,
    sentinelPort: port,
    quorum: 1,
    downAfterMilliseconds: 5_000,
    tlsDirectory: folder,
    secretsDirectory: folder,
    dataDirectory: folder,
    runDirectory: folder,
  };
  const own = [
    `sentinel monitor main localhost ${server.port} 1`,
    'sentinel auth-user main sentinel',
    'sentinel auth-pass main first',
    'sentinel sentinel-user sentinel',
    'sentinel sentinel-pass first',
  ];
  writeFileSync(path('sentinel.conf'), `${sentinelConf(input)}${own.join('\n')}\n`);
  const child = spawn('redis-server', [path('sentinel.conf'), '--sentinel'], {
    stdio: 'ignore',
  });
  return { process: child, port };
}

beforeAll(async () => {
  await writeCertificate(folder, await createAuthority());
  write(['first'], 'first');
  server = await startRedis({
    'tls-port': String(await freePort()),
    'tls-cert-file': path('tls.crt'),
    'tls-key-file': path('tls.key'),
    'tls-ca-cert-file': path('ca.crt'),
    'tls-auth-clients': 'no',
    aclfile: path('users.acl'),
  });
  const started = await startSentinel();
  sentinel = started.process;
  const script = reloadScript({
    servers: [
      { port: server.port, acl: 'users.acl' },
      { port: started.port, acl: 'sentinel.acl' },
    ],
    primaryName: 'main',
    tlsDirectory: folder,
    secretsDirectory: folder,
    seconds: 0.1,
  });
  reloader = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'], cwd: folder });
  reloader.stdout?.on('data', (chunk) => {
    said += chunk;
  });
});
afterAll(async () => {
  reloader.kill();
  sentinel.kill('SIGKILL');
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const logIn = async (password: string, username: RedisUser = 'case-data'): Promise<Redis> => {
  const client = new Redis({
    port: server.port,
    username,
    password,
    tls: { rejectUnauthorized: false },
    lazyConnect: true,
    retryStrategy: () => null,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};
const times = (what: string) => said.split(what).length - 1;

test('a rotation of passwords disconnects nobody, and ends with the old one refused', async () => {
  const open = await logIn('first');
  const id = await open.client('ID');
  for (const [step, accepted, active] of [
    [1, ['first', 'second'], 'first'],
    [2, ['first', 'second'], 'second'],
    [3, ['second'], 'second'],
  ] as const) {
    const before = times('users set');
    write(accepted, active);
    if (step === 2) await vi.waitFor(() => expect(times('passwords set')).toBe(1), 10_000);
    else await vi.waitFor(() => expect(times('users set')).toBe(before + 1), 10_000);
    expect(await open.client('ID')).toBe(id);
    await expect(open.set('cs:v1:{x}:1', String(step))).resolves.toBe('OK');
  }
  await expect(logIn('first')).rejects.toThrow();
  (await logIn('second')).disconnect();
  await expect(open.get('rl:v1:other')).rejects.toThrow(/NOPERM/);
  open.disconnect();
});

test('servers log in to each other with the new password', async () => {
  const exporter = await logIn('second', 'exporter');
  expect(await exporter.config('GET', 'masterauth')).toContain('second');
  exporter.disconnect();
  const known = readFileSync(path('sentinel.conf'), 'utf8');
  expect(known).toMatch(/^sentinel auth-pass main second$/m);
  expect(known).toMatch(/^sentinel sentinel-pass "?second"?$/m);
});

test('a user that came is there', async () => {
  write(['second'], 'second', { probe: ['probe'] });
  await vi.waitFor(() => expect(times('users loaded')).toBe(1), 10_000);
});
