import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAuthority, writeCertificate } from '../../test/support/certificates.ts';
import { freePort, type RedisServer, startRedis } from '../../test/support/redis.ts';
import { spawnSync } from '../programs/child-process.ts';
import { backupScript, lastBackupKey, restoreScript } from './backup.ts';
import { aclFile } from './redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'redis-backup-'));
const path = (name: string) => join(folder, name);
const copy = '20260101T000000Z.rdb';
let server: RedisServer;

beforeAll(async () => {
  await writeCertificate(folder, await createAuthority());
  writeFileSync(path('backup-password'), 'secret');
  writeFileSync(path('users.acl'), aclFile({ backup: ['secret'], 'case-data': ['secret'] }));
  server = await startRedis({
    'tls-port': String(await freePort()),
    'tls-cert-file': path('tls.crt'),
    'tls-key-file': path('tls.key'),
    'tls-ca-cert-file': path('ca.crt'),
    'tls-auth-clients': 'no',
    'repl-diskless-sync-delay': '0',
    aclfile: path('users.acl'),
  });
  const tls = { rejectUnauthorized: false };
  const client = new Redis({ port: server.port, username: 'case-data', password: 'secret', tls });
  // Larger than what a test lets a file grow to.
  await client.set('cs:v1:{copied}', randomBytes(65_536));
  client.disconnect();
});
beforeEach(() => {
  for (const name of ['backup', 'data', 'bin']) {
    rmSync(path(name), { recursive: true, force: true });
    mkdirSync(path(name));
  }
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a script; `limit` is the size in blocks of 512 bytes beyond which no file can be written. */
function run(script: string, args: readonly string[] = [], limit?: number) {
  const limited = limit === undefined ? script : `ulimit -f ${limit}\n${script}`;
  return spawnSync('sh', ['-c', limited, 'sh', ...args], {
    encoding: 'utf8',
    env: { PATH: `${path('bin')}:${process.env.PATH}`, HOSTNAME: 'job-1' },
  });
}

const backup = () =>
  backupScript({
    hosts: ['localhost'],
    redisPort: server.port,
    primaryName: 'main',
    tlsDirectory: folder,
    secretsDirectory: folder,
    backupDirectory: path('backup'),
    keep: 2,
  });

describe('a copy', () => {
  test('that cannot be written leaves neither a file nor a part, and the parts of others alone', () => {
    writeFileSync(path('backup/20260101T000000Z.rdb.job-0.part'), 'of a job that runs');
    writeFileSync(path('backup/20260101T000001Z.rdb.job-9.part'), 'of a job that was killed');
    const longAgo = Date.now() / 1_000 - 2 * 3_600;
    utimesSync(path('backup/20260101T000001Z.rdb.job-9.part'), longAgo, longAgo);
    expect(run(backup(), [], 8).status).not.toBe(0);
    expect(readdirSync(path('backup'))).toEqual(['20260101T000000Z.rdb.job-0.part']);
  });

  test('that can leaves one file', () => {
    const { status, stdout } = run(backup());
    expect([status, stdout]).toEqual([0, expect.stringContaining('copied localhost to')]);
    expect(readdirSync(path('backup'))).toEqual([expect.stringMatching(/^\d{8}T\d{6}Z\.rdb$/)]);
  });
});

describe('a restore', () => {
  const sentinel = { primaryName: 'main', redisPort: 6379, quorum: 2 };
  const script = () =>
    restoreScript({ dataDirectory: path('data'), backupDirectory: path('backup'), sentinel });
  const host = 'redis-1.redis.ns.svc';
  const left = () => readdirSync(path('data')).map((name) => name.replace(/^(before-restore)-.*/, '$1'));

  /** Starts a server on the volume, and gives what it holds; writes a key first where one is named. */
  async function holds(write?: string): Promise<string[]> {
    const started = await startRedis({ dir: path('data'), appendonly: 'yes', appendfsync: 'always' });
    const client = new Redis({ port: started.port });
    if (write) await client.set(write, 'x');
    const keys = (await client.keys('*')).filter((key) => key !== lastBackupKey);
    client.disconnect();
    await started.stop();
    return keys;
  }

  beforeEach(async () => {
    expect(run(backup()).status).toBe(0);
    const [name = ''] = readdirSync(path('backup'));
    renameSync(path(`backup/${name}`), path(`backup/${copy}`));
    await holds('old');
  });

  test('puts the copy in place of the data, which are kept, and is what Sentinel remembers', async () => {
    expect(run(script(), [host, copy])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/restored/),
    });
    expect(await holds()).toEqual(['cs:v1:{copied}']);
    expect(left().sort()).toEqual(['appendonlydir', 'before-restore', 'sentinel.conf']);
    const remembered = readFileSync(path('data/sentinel.conf'), 'utf8');
    expect(remembered).toMatch(
      /^sentinel monitor main redis-1\.redis\.ns\.svc 6379 2\nsentinel config-epoch main \d{10}\n$/,
    );
  });

  test('without a copy only takes the data away', async () => {
    expect(run(script(), [host]).status).toBe(0);
    expect(left().sort()).toEqual(['before-restore', 'sentinel.conf']);
  });

  test('that finds the disk full leaves the data as they were', async () => {
    expect(run(script(), [host, copy], 8).status).not.toBe(0);
    expect(left()).toEqual(['appendonlydir']);
    expect(await holds()).toEqual(['old']);
  });

  test('whose pod is killed while it copies leaves the data, and works the next time', async () => {
    const cp = `#!/bin/sh\nhead -c 4096 "$1" > "$2"\nkill -9 $PPID\n`;
    writeFileSync(path('bin/cp'), cp, { mode: 0o755 });
    expect(run(script(), [host, copy]).signal).toBe('SIGKILL');
    expect(await holds()).toEqual(['old']);
    rmSync(path('bin/cp'));
    expect(run(script(), [host, copy]).status).toBe(0);
    expect(await holds()).toEqual(['cs:v1:{copied}']);
    expect(existsSync(path('data/restoring'))).toBe(false);
  });

  test('that cannot put the copy in place puts back what was there', async () => {
    const mv = `#!/bin/sh\ncase "$1" in */restoring) exit 1;; esac\nexec /bin/mv "$@"\n`;
    writeFileSync(path('bin/mv'), mv, { mode: 0o755 });
    expect(run(script(), [host, copy]).status).not.toBe(0);
    expect(await holds()).toEqual(['old']);
  });
});
