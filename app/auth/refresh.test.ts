import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, type TestAnswer, type TestService } from '../../test/support/service.ts';
import { createRefreshToken, sessionOf } from './refresh-token.ts';
import { sessionKey } from './sessions.ts';

let backing: Backing;
let one: TestService;
let two: TestService;

beforeAll(async () => {
  backing = await startBacking();
  [one, two] = await backing.startPair();
});
afterAll(() => backing.stop());

const me = (service: TestService, token: string): Promise<TestAnswer> =>
  service.send('GET', '/api/v1/auth/me', { token });
const refresh = (service: TestService, refreshToken: string): Promise<TestAnswer> =>
  service.send('POST', '/api/v1/auth/refresh', { body: { refreshToken } });

const keyOf = (refreshToken: string): string => sessionKey(sessionOf(refreshToken) ?? '');

/** Moves a session's last rotation further back than the grace window. */
async function letGracePass(refreshToken: string): Promise<void> {
  const { data } = one.service.context;
  await data.hincrby(keyOf(refreshToken), 'rotatedAt', -11);
}

test('gives new tokens once; the old refresh token gives the same ones within the grace window', async () => {
  const { refreshToken } = await one.login(backing.user('reader'));
  const first = await refresh(one, refreshToken);
  expect(first.status).toBe(200);
  expect(first.json.refreshToken).not.toBe(refreshToken);
  const again = await refresh(two, refreshToken);
  expect(again.json.refreshToken).toBe(first.json.refreshToken);
  expect((await me(two, again.json.accessToken)).status).toBe(200);
  expect(await two.metric('auth_refresh_total', { outcome: 'replayed' })).toBe(1);
});

test('fifty at once give one successor, and nobody is signed out', async () => {
  const { refreshToken } = await one.login(backing.user('reader'));
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => refresh(i % 2 ? one : two, refreshToken)),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const successors = new Set(answers.map(({ json }) => json.refreshToken));
  expect(successors.size).toBe(1);
  const [successor] = successors;
  expect((await refresh(one, successor)).status).toBe(200);
});

test('a token used again later ends the session everywhere, with an event and a metric', async () => {
  const session = await one.login(backing.user('reader'));
  const next = await refresh(one, session.refreshToken);
  await letGracePass(session.refreshToken);
  const before = await two.metric('auth_refresh_total', { outcome: 'reuse' });
  expect((await refresh(two, session.refreshToken)).status).toBe(401);
  expect(await two.metric('auth_refresh_total', { outcome: 'reuse' })).toBe(before + 1);
  expect(two.logs.filter(({ event }) => event === 'refresh_reused')).toHaveLength(1);
  expect((await refresh(one, next.json.refreshToken)).status).toBe(401);
  expect((await me(one, next.json.accessToken)).status).toBe(401);
  expect((await me(one, session.accessToken)).status).toBe(401);
});

test.each([
  'x',
  `rt1.${'A'.repeat(22)}.${'A'.repeat(43)}`,
  `rt2.${'A'.repeat(22)}.${'A'.repeat(43)}`,
  '../../etc/passwd',
  'eyJhbGciOiJub25lIn0.e30.',
])('%s is no refresh token', async (token) => {
  const answer = await refresh(one, token);
  expect(answer.status).toBe(401);
  expect(answer.headers['www-authenticate']).toContain('invalid_token');
});

test.each(['refresh', 'logout'])('a token that was never issued changes nothing: %s', async (route) => {
  const { refreshToken, accessToken } = await one.login(backing.user('reader'));
  const id = sessionOf(refreshToken) ?? '';
  for (const forged of [
    // Ended the session before tokens had a MAC.
    `rt1.${id}.${randomBytes(32).toString('base64url')}`,
    createRefreshToken(randomBytes(32), id),
    `${refreshToken.slice(0, -1)}${refreshToken.endsWith('A') ? 'E' : 'A'}`,
    `rt1.${id}.`,
  ]) {
    const body = { refreshToken: forged };
    expect((await one.send('POST', `/api/v1/auth/${route}`, { body })).status).toBe(401);
    expect((await me(one, accessToken)).status).toBe(200);
  }
  expect((await refresh(one, refreshToken)).status).toBe(200);
});

test('logout takes a refresh token alone, the last one or one that was used', async () => {
  const logout = (refreshToken: string) =>
    one.send('POST', '/api/v1/auth/logout', { body: { refreshToken } });
  const first = await one.login(backing.user('reader'));
  expect((await logout(first.refreshToken)).status).toBe(204);
  expect((await me(two, first.accessToken)).status).toBe(401);
  expect((await logout(first.refreshToken)).status).toBe(401);
  const second = await one.login(backing.user('reader'));
  await refresh(one, second.refreshToken);
  expect((await logout(second.refreshToken)).status).toBe(204);
  expect((await me(two, second.accessToken)).status).toBe(401);
});

test('sessions of release 0.1 go on: their keys held the id', async () => {
  const session = await one.login(backing.user('reader'));
  const { data } = one.service.context;
  const id = sessionOf(session.refreshToken);
  await data.hset(`cs:v1:{session:${id}}`, await data.hgetall(keyOf(session.refreshToken)));
  await data.del(keyOf(session.refreshToken));
  expect((await me(two, session.accessToken)).status).toBe(200);
  const next = await refresh(two, session.refreshToken);
  expect((await me(one, next.json.accessToken)).status).toBe(200);
  expect((await session.send('POST', '/api/v1/auth/logout')).status).toBe(204);
  expect((await me(two, next.json.accessToken)).status).toBe(401);
});

test('a user has a bounded number of sessions: the oldest ends', async () => {
  const { accessToken } = await one.login(backing.user('reader'));
  const { json } = await me(one, accessToken);
  for (let i = 0; i < 200; i += 1) await one.service.accounts.sessions.start(json.id, 0);
  expect((await me(one, accessToken)).status).toBe(401);
});

test('is refused for an account that was disabled meanwhile', async () => {
  const admin = await one.login(backing.user('admin'));
  const body = { email: 'soon@example.com', password: 'a long enough passphrase', role: 'reader' as const };
  const { json } = await admin.send('POST', '/api/v1/users', { body });
  const session = await one.login(body);
  await admin.send('PATCH', `/api/v1/users/${json.id}`, { body: { disabled: true } });
  expect((await refresh(two, session.refreshToken)).status).toBe(401);
});

test('tokens are at rest as hashes only', async () => {
  const session = await one.login(backing.user('reader'));
  const next = await refresh(one, session.refreshToken);
  const stored = await one.service.context.data.hgetall(keyOf(session.refreshToken));
  const dump = JSON.stringify(stored);
  for (const token of [session.refreshToken, next.json.refreshToken]) {
    expect(dump).not.toContain(token.split('.')[2]);
  }
  expect(await one.service.context.data.ttl(keyOf(session.refreshToken))).toBeGreaterThan(0);
});
