import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Backing,
  startBacking,
  type TestService,
  type TestSession,
  type TestUser,
} from '../../test/support/service.ts';

let backing: Backing;
let one: TestService;
let two: TestService;
let admin: TestSession;

beforeAll(async () => {
  backing = await startBacking();
  [one, two] = await backing.startPair();
  admin = await one.login(backing.user('admin'));
});
afterAll(() => backing.stop());

let made = 0;
async function create(role: TestUser['role'] = 'caseworker'): Promise<TestUser & { id: string }> {
  made += 1;
  const body = { email: `user-${made}@example.org`, password: 'a long enough passphrase', role };
  const answer = await admin.send('POST', '/api/v1/users', { body });
  expect(answer.status).toBe(201);
  expect(answer.headers.location).toBe(`/api/v1/users/${answer.json.id}`);
  return { ...body, id: answer.json.id };
}

const me = (service: TestService, { accessToken }: TestSession) =>
  service.send('GET', '/api/v1/auth/me', { token: accessToken });
const change = (id: string, body: object) => admin.send('PATCH', `/api/v1/users/${id}`, { body });

test('an account is created, listed page by page, and shown without its password', async () => {
  const created = await create('reader');
  const seen: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const { json, status } = await admin.send('GET', `/api/v1/users?limit=2${query}`);
    expect(status).toBe(200);
    for (const item of json.items) {
      expect(Object.keys(item).sort()).toEqual(['createdAt', 'disabled', 'email', 'id', 'role']);
      seen.push(item.id);
    }
    cursor = json.nextCursor;
  }
  expect(seen).toContain(created.id);
  expect(new Set(seen).size).toBe(seen.length);
});

test('an e-mail address has one account, whatever its case', async () => {
  const { email } = await create();
  const body = { email: email.toUpperCase(), password: 'a long enough passphrase', role: 'reader' };
  expect((await admin.send('POST', '/api/v1/users', { body })).status).toBe(409);
  const racing = { ...body, email: 'race@example.org' };
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => admin.send('POST', '/api/v1/users', { body: racing })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409]);
});

test.each<[string, object]>([
  ['disabled', { disabled: true }],
  ['re-roled', { role: 'reader' }],
  ['given another password', { password: 'an even longer passphrase' }],
])('who is %s is out with the next request, on every replica', async (_name, body) => {
  const account = await create();
  const session = await two.login(account);
  expect((await me(one, session)).status).toBe(200);
  expect((await change(account.id, body)).status).toBe(200);
  expect((await me(one, session)).status).toBe(401);
  expect((await me(two, session)).status).toBe(401);
});

test('a new role holds after the next login, an enabled account may come back', async () => {
  const account = await create('reader');
  await change(account.id, { role: 'admin' });
  const session = await two.login(account);
  expect((await session.send('GET', '/api/v1/users')).status).toBe(200);
  await change(account.id, { disabled: true });
  await expect(two.login(account)).rejects.toThrow('401');
  await change(account.id, { disabled: false });
  expect((await me(one, await two.login(account))).status).toBe(200);
});

test("two admins who take each other's role away in parallel: one succeeds, and an admin remains", async () => {
  for (let round = 0; round < 3; round += 1) {
    const [left, right] = [await create('admin'), await create('admin')];
    const [first, second] = [await one.login(left), await two.login(right)];
    const answers = await Promise.all([
      first.send('PATCH', `/api/v1/users/${right.id}`, { body: { role: 'reader' } }),
      second.send('PATCH', `/api/v1/users/${left.id}`, { body: { disabled: true } }),
    ]);
    // Both were 200.
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
  }
});

test('an admin who was demoted after the check of its request changes nothing', async () => {
  const [demoted, other] = [await create('reader'), await create('reader')];
  const { users } = one.service.accounts;
  await expect(users.update(other.id, { role: 'admin' }, demoted.id)).rejects.toThrow('Unauthorized');
  await expect(users.create('new@example.org', 'admin', 'x', demoted.id)).rejects.toThrow('Unauthorized');
  expect(await users.findByEmail('new@example.org')).toBeUndefined();
});

test('an admin cannot shut itself out', async () => {
  const { json } = await admin.send('GET', '/api/v1/auth/me');
  for (const body of [{ disabled: true }, { role: 'reader' }]) {
    expect((await change(json.id, body)).status).toBe(409);
  }
  expect((await me(one, admin)).status).toBe(200);
});

test.each<[string, number, object]>([
  ['A'.repeat(22), 404, { disabled: true }],
  ['short', 400, { disabled: true }],
  ['A'.repeat(22), 400, {}],
  ['A'.repeat(22), 400, { disabled: 'yes' }],
  ['A'.repeat(22), 400, { email: 'x@example.com' }],
])('PATCH of %s answers %i to %j', async (id, status, body) => {
  expect((await change(id, body)).status).toBe(status);
});

test('only admins come near accounts; a denial is an event and a metric', async () => {
  const session = await two.login(backing.user('caseworker'));
  for (const [method, path] of [
    ['GET', '/api/v1/users'],
    ['POST', '/api/v1/users'],
    ['PATCH', `/api/v1/users/${'A'.repeat(22)}`],
  ] as const) {
    expect((await session.send(method, path)).status).toBe(403);
  }
  expect(await two.metric('authz_denied_total')).toBe(3);
  expect(two.logs.filter(({ event }) => event === 'access_denied')).toHaveLength(3);
});

test('changes are audited by pseudonym, never by name', async () => {
  const account = await create();
  await change(account.id, { role: 'reader', password: 'yet another passphrase' });
  const [event] = one.logs.filter((line) => line.event === 'user_changed').slice(-1);
  expect(event).toMatchObject({ changed: ['role', 'password'] });
  expect(event?.by).not.toBe(event?.user);
  const text = one.logText();
  for (const secret of [account.email, account.id, account.password, 'yet another passphrase']) {
    expect(text).not.toContain(secret);
  }
});

test('admins see and reset the limits of a user on the internal port, others do not', async () => {
  const account = await create();
  const session = await one.login(account);
  await me(one, session);
  const path = `/internal/ratelimit/${account.id}`;
  const explained = await admin.send('GET', path, { to: 'internal' });
  expect(explained.status).toBe(200);
  const window = (policy: string) =>
    explained.json.windows.find((candidate: { policy: string }) => candidate.policy === policy);
  expect(window('default')).toMatchObject({ consumed: 1, wouldDeny: false });
  expect((await admin.send('DELETE', path, { to: 'internal' })).status).toBe(204);
  const after = await admin.send('GET', path, { to: 'internal' });
  expect(after.json.windows[0].consumed).toBe(0);
  expect((await session.send('GET', path, { to: 'internal' })).status).toBe(403);
  expect((await one.send('GET', path, { to: 'internal' })).status).toBe(401);
  expect((await admin.send('GET', path)).status).toBe(404);
  const missing = await admin.send('GET', `/internal/ratelimit/${'A'.repeat(22)}`, { to: 'internal' });
  expect(missing.status).toBe(404);
  expect(one.logs.some(({ event }) => event === 'limits_reset')).toBe(true);
});
