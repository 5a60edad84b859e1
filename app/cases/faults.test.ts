import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../limiter/testing/servers.ts';
import { type Backing, startBacking } from '../../test/support/service.ts';
import { keyIdOf } from './crypto.ts';
import { resealCases } from './reseal.ts';

let backing: Backing;
afterEach(() => backing.stop());

const start = async (redis: Record<string, string> = {}) => {
  backing = await startBacking(redis);
  const service = await backing.start({ POLICIES_FILE: `${backing.dir}/policies.json` });
  return { service, session: await service.login(backing.user('caseworker')) };
};

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  '%s of Redis: 503 with Retry-After, then back by itself, nothing acknowledged lost',
  async (signal) => {
    const { service, session } = await start({ appendonly: 'yes', appendfsync: 'always' });
    const { headers } = await session.send('POST', '/api/v1/cases', { body: { title: 'Kept' } });
    backing.redis.signal(signal);
    for (const [method, path, options] of [
      ['GET', '/api/v1/cases', {}],
      ['POST', '/api/v1/cases', { body: { title: 'Not taken' } }],
      ['GET', String(headers.location), {}],
    ] as const) {
      const answer = await session.send(method, path, options);
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
      expect(answer.headers['content-type']).toMatch('application/problem+json');
    }
    expect((await service.send('GET', '/health/ready', { to: 'internal' })).status).toBe(200);
    if (signal === 'SIGKILL') await backing.redis.restart();
    else backing.redis.signal('SIGCONT');
    await until(async () => (await session.send('GET', String(headers.location))).status === 200);
    expect((await session.send('GET', String(headers.location))).json.title).toBe('Kept');
  },
);

test('a rotation seals every case anew while they change, and goes on after it was stopped', async () => {
  const { service, session } = await start();
  const { data, secrets } = service.service.context;
  const made = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      session.send('POST', '/api/v1/cases', { body: { title: `Case ${i}` } }),
    ),
  );
  const file = `${backing.dir}/secrets/data-keys.json`;
  const before = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(
    file,
    JSON.stringify({ active: 'fresh', keys: { ...before.keys, fresh: randomBytes(32).toString('base64') } }),
  );
  await until(async () => secrets.current.dataKeys.active === 'fresh');

  // Stopped in the middle: the second run finds less to do.
  await resealCases(data, secrets.current.dataKeys, () => {
    throw new Error('killed');
  }).catch(() => {});
  const changing = Promise.all(
    made.map(({ json }) =>
      session.send('PATCH', `/api/v1/cases/${json.id}`, {
        body: { status: 'closed' },
        headers: { 'if-match': '"1"' },
      }),
    ),
  );
  const { seen } = await resealCases(data, secrets.current.dataKeys);
  expect((await changing).every(({ status }) => status === 200)).toBe(true);
  expect(seen).toBe(40);
  const sealed = await Promise.all(
    made.map(async ({ json }) =>
      keyIdOf((await data.hget(`cs:v1:{o:${json.ownerId}}:case:${json.id}`, 'sealed')) ?? ''),
    ),
  );
  expect(new Set(sealed)).toEqual(new Set(['fresh']));

  // Without the old key everything still reads.
  writeFileSync(
    file,
    JSON.stringify({ active: 'fresh', keys: { fresh: JSON.parse(readFileSync(file, 'utf8')).keys.fresh } }),
  );
  await until(async () => secrets.current.dataKeys.byId.size === 1);
  const { json } = await session.send('GET', '/api/v1/cases?limit=100');
  expect(json.items).toHaveLength(40);
});
