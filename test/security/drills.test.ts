import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { decodeProtectedHeader } from 'jose';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { spawn } from '../../infra/programs/child-process.ts';
import { createTokenKey, writeCertificate, writeFiles } from '../support/certificates.ts';
import {
  type Backing,
  operator,
  startBacking,
  type TestService,
  type TestSession,
  until,
} from '../support/service.ts';

/** Each secret is replaced while two replicas are asked without a pause, over connections that stay and new ones. */

let backing: Backing;
let replicas: readonly TestService[];
let session: TestSession;
const policies = (): { POLICIES_FILE: string } => ({ POLICIES_FILE: join(backing.dir, 'policies.json') });

beforeAll(async () => {
  backing = await startBacking();
  replicas = [await backing.start(policies()), await backing.start(policies())];
  session = await (replicas[0] as TestService).login(backing.user('caseworker'));
}, 60_000);
afterAll(() => backing.stop());

const secrets = (): string => join(backing.dir, 'secrets');
const readSecret = (file: string) => JSON.parse(readFileSync(join(secrets(), file), 'utf8'));
const takenUp = (file: string, times: number): Promise<void> =>
  until(() =>
    replicas.every(
      ({ logs }) =>
        logs.filter(({ event, files }) => event === 'files_reloaded' && String(files).includes(file))
          .length >= times,
    ),
  );

/**
 * Drills under load: every answer that is no success is told with what it was. The load goes on for some requests more
 * after the drill.
 */
async function underLoad(drill: () => Promise<void>): Promise<readonly string[]> {
  let [done, sent] = [false, 0];
  const failed: string[] = [];
  const count = async (what: string, answer: Promise<{ status: number }>): Promise<void> => {
    sent += 1;
    try {
      const { status } = await answer;
      if (status >= 300) failed.push(`${what}: ${status}`);
    } catch (error) {
      failed.push(`${what}: ${String(error)}`);
    }
  };
  const client = async ({ send, ports }: TestService): Promise<void> => {
    const token = session.accessToken;
    const created = await send('POST', '/api/v1/cases', { token, body: { title: 'Before' } });
    for (let after = 0; after < 5; after += done ? 1 : 0) {
      await count('read', send('GET', `/api/v1/cases/${created.json.id}`, { token }));
      await count('create', send('POST', '/api/v1/cases', { token, body: { title: 'Meanwhile' } }));
      await count('new connection', ask(ports.api, token));
    }
  };
  const load = Promise.all(replicas.flatMap((replica) => [client(replica), client(replica)]));
  try {
    await until(() => sent > 20);
    await drill();
  } finally {
    done = true;
    await load;
  }
  return failed;
}

/** One request over a connection of its own. */
async function ask(port: number, token: string): Promise<{ status: number }> {
  const dispatcher = new Agent({ connect: { ca: backing.authority.certificate } });
  try {
    const { statusCode, body } = await request(`https://127.0.0.1:${port}/api/v1/auth/me`, {
      dispatcher,
      headers: { authorization: `Bearer ${token}` },
    });
    await body.dump();
    return { status: statusCode };
  } finally {
    await dispatcher.close();
  }
}

async function servedSerial(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca: backing.authority.certificate });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw).serialNumber;
}

test('the signing key: new tokens are of the new one, and no token is refused', async () => {
  const failed = await underLoad(async () => {
    const { keys } = readSecret('token-keys.json');
    writeFiles(secrets(), {
      'token-keys.json': JSON.stringify({ active: 'drill', keys: [createTokenKey('drill'), ...keys] }),
    });
    await takenUp('token-keys.json', 1);
    for (const replica of replicas) {
      const { accessToken, send } = await replica.login(backing.user('reader'));
      expect(decodeProtectedHeader(accessToken).kid).toBe('drill');
      expect((await send('GET', '/api/v1/auth/me')).status).toBe(200);
    }
  });
  expect(failed).toEqual([]);
}, 60_000);

test('the certificate: new connections get the new one, and no connection is lost', async () => {
  const before = await servedSerial((replicas[0] as TestService).ports.api);
  const failed = await underLoad(async () => {
    await writeCertificate(join(backing.dir, 'tls'), backing.authority);
    for (const { ports } of replicas)
      for (const port of [ports.api, ports.internal])
        await until(async () => (await servedSerial(port)) !== before);
  });
  expect(failed).toEqual([]);
}, 60_000);

test('the data key: every case is sealed under the new one by the command, and the old one can go', async () => {
  const failed = await underLoad(async () => {
    const before = readSecret('data-keys.json');
    const fresh = { drill: randomBytes(32).toString('base64') };
    const write = (keys: object): void =>
      writeFiles(secrets(), { 'data-keys.json': JSON.stringify({ active: 'drill', keys }) });
    write({ ...before.keys, ...fresh });
    await takenUp('data-keys.json', 1);
    const command = fileURLToPath(new URL('../../app/rotate-keys.ts', import.meta.url));
    const child = spawn(process.execPath, [command], { env: (replicas[0] as TestService).environment });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        said += String(chunk);
      });
    const [code] = await once(child, 'close');
    expect([code, said]).toEqual([0, expect.stringMatching(/all are under key drill/)]);
    write(fresh);
    await takenUp('data-keys.json', 2);
  });
  expect(failed).toEqual([]);
}, 90_000);

test('the passwords of Redis: both are accepted for a while, nobody is disconnected, then the old ones are refused', async () => {
  const { redis, dir } = backing;
  const tls = { ca: readFileSync(join(dir, 'redis/ca.crt')) };
  const address = { host: '127.0.0.1', port: redis.port, tls, retryStrategy: () => null };
  const admin = new Redis({ ...address, ...operator });
  const roles = ['data', 'limiter'] as const;
  const old = (role: string): string => readFileSync(join(secrets(), `redis-${role}-password`), 'utf8');
  const passwords = roles.map((role) => ({
    role,
    old: old(role),
    fresh: randomBytes(24).toString('hex'),
  }));
  const failed = await underLoad(async () => {
    for (const { role, fresh } of passwords) await admin.acl('SETUSER', `case-${role}`, `>${fresh}`);
    for (const { role, fresh } of passwords) writeFiles(secrets(), { [`redis-${role}-password`]: fresh });
    for (const { role, old } of passwords) await admin.acl('SETUSER', `case-${role}`, `<${old}`);
    // As at a rolling update: who comes later has the new passwords only.
    const later = await backing.start(policies());
    expect((await later.send('GET', '/api/v1/cases', { token: session.accessToken })).status).toBe(200);
    await later.stop();
  });
  expect(failed).toEqual([]);

  for (const { role, old: password } of passwords) {
    const refused = new Redis({ ...address, username: `case-${role}`, password, lazyConnect: true });
    refused.on('error', () => undefined);
    await expect(refused.connect().then(() => refused.ping())).rejects.toThrow();
    refused.disconnect();
  }
  // A connection that is lost afterwards comes back with the new password.
  for (const { role } of passwords) await admin.client('KILL', 'USER', `case-${role}`);
  admin.disconnect();
  for (const { service } of replicas) await until(() => service.context.data.status === 'ready');
  expect((await session.send('GET', '/api/v1/auth/me')).status).toBe(200);
}, 60_000);
