import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../../test/support/redis.ts';
import { aclFile, type RedisUser } from './redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'redis-acl-'));
let server: RedisServer;

beforeAll(async () => {
  const file = join(folder, 'users.acl');
  writeFileSync(file, aclFile({ 'case-data': ['secret'], probe: ['probe'] }));
  server = await startRedis({ aclfile: file, appendonly: 'yes', appendfsync: 'always', dir: folder });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function client(username: RedisUser | 'default', password: string): Redis {
  return new Redis({ port: server.port, username, password, lazyConnect: true, retryStrategy: () => null });
}

test('what scripts and transactions wrote is there after a crash', async () => {
  const before = client('case-data', 'secret');
  await before.eval(
    `redis.call('set', KEYS[1], 'a') redis.call('set', KEYS[2], 'b') return 1`,
    2,
    'cs:v1:{x}:1',
    'cs:v1:{x}:2',
  );
  before.disconnect();
  server.signal('SIGKILL');
  await server.restart();
  const after = client('case-data', 'secret');
  expect([await after.get('cs:v1:{x}:1'), await after.get('cs:v1:{x}:2')]).toEqual(['a', 'b']);
  after.disconnect();
});

test('nobody is the default user, with a password or without', async () => {
  for (const password of ['', 'default', 'secret']) {
    const nobody = client('default', password);
    nobody.on('error', () => undefined);
    await expect(nobody.connect().then(() => nobody.ping())).rejects.toThrow();
    nobody.disconnect();
  }
});

test('a user does what it needs, and nothing else', async () => {
  const probe = client('probe', 'probe');
  expect(await probe.ping()).toBe('PONG');
  expect(await probe.role()).toContain('master');
  await expect(probe.get('cs:v1:{x}:1')).rejects.toThrow(/NOPERM/);
  probe.disconnect();
});
