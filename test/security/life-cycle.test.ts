import { once } from 'node:events';
import { appendFileSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeError } from '../../app/redis/connect.ts';
import { spawn } from '../../infra/programs/child-process.ts';
import { createAuthority, writeCertificate } from '../support/certificates.ts';
import { type Backing, startBacking, type TestService, until } from '../support/service.ts';

/** Accidents of a day: they cost what they must, and nothing needs a restart. */
let backing: Backing;
let replica: TestService;
const limits = () => ({ POLICIES_FILE: `${backing.dir}/policies.json` });

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start(limits());
});
afterAll(() => backing.stop());

// Before: the accounts of a running replica were gone until it was restarted.
test('a Redis that comes back empty gets its first accounts, on the replica that is running', async () => {
  const before = await replica.login(backing.user('caseworker'));
  backing.redis.signal('SIGKILL');
  await backing.redis.restart();
  await until(() => replica.logs.filter(({ event }) => event === 'users_bootstrapped').length > 1, 30);
  expect((await before.send('GET', '/api/v1/auth/me')).status).toBe(401);
  expect((await replica.login(backing.user('caseworker'))).accessToken).not.toBe(before.accessToken);
  expect((await replica.send('GET', '/health/ready', { to: 'internal' })).status).toBe(200);
});

// Before: the file was read once, at the start.
test("Redis' authority is rotated while the service runs: a bundle of two, then the new certificate", async () => {
  const authority = await createAuthority();
  const file = `${backing.dir}/redis/ca.crt`;
  appendFileSync(file, `\n${authority.certificate}`);
  const bundle = readFileSync(file, 'utf8');
  await writeCertificate(`${backing.dir}/redis`, authority);
  writeFileSync(file, bundle);
  backing.redis.signal('SIGKILL');
  await backing.redis.restart();
  await until(async () => (await replica.metric('redis_up', { store: 'data' })) === 1, 30);
  await until(async () => (await replica.send('GET', '/health/ready', { to: 'internal' })).status === 200);
});

// Before: silent and idle connections held a stop up for all of SHUTDOWN_SECONDS.
test('a stop does not wait for connections without a request', async () => {
  const own = await backing.start({ ...limits(), SHUTDOWN_SECONDS: '60' });
  const options = { host: '127.0.0.1', port: own.ports.api, ca: backing.authority.certificate };
  const [silent, idle] = [connect(options), connect(options)];
  for (const socket of [silent, idle]) {
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
  }
  idle.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(idle, 'data');
  const closed = Promise.all([once(silent, 'close'), once(idle, 'close')]);
  await own.stop();
  await closed;
  expect(own.logs.at(-1)).toMatchObject({ event: 'stopped', cut: false });
});

// Before: a full log disk hung the process, and its exit.
test('a log that cannot be written costs lines, which are counted, and nothing else', async () => {
  const environment = await backing.environment({ ...limits(), PLAIN_PORT: '' });
  const child = spawn(process.execPath, ['app/main.ts'], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', openSync('/dev/full', 'w'), 'ignore'],
  });
  const ask = async (path: string, to: 'API_PORT' | 'INTERNAL_PORT') => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(environment[to]),
      ca: backing.authority.certificate,
    });
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    return new Promise<string>((resolve) => socket.on('close', () => resolve(text)));
  };
  await until(async () => (await ask('/health', 'API_PORT')).startsWith('HTTP/1.1 200'), 60);
  await until(async () =>
    /log_lines_dropped_total\{reason="unwritable"\} [1-9]/.test(await ask('/metrics', 'INTERNAL_PORT')),
  );
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
}, 90_000);

// Before: an AggregateError without a message, and no event.
test('a name with two addresses that refuse is logged with code and addresses', () => {
  const refuse = (address: string) =>
    Object.assign(new Error(`connect ECONNREFUSED ${address}:6379`), {
      code: 'ECONNREFUSED',
      address,
      port: 6379,
    });
  const error = new AggregateError([refuse('::1'), refuse('127.0.0.1')], '');
  expect(describeError(error)).toBe('connect ECONNREFUSED ::1:6379; connect ECONNREFUSED 127.0.0.1:6379');
});
