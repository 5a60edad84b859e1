import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, type TestAnswer, type TestService } from '../../test/support/service.ts';

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
const tryLogin = (email: string, password: string): Promise<TestAnswer> =>
  one.send('POST', '/api/v1/auth/login', { body: { email, password } });

test('answers as the contract says, whatever the case of the address', async () => {
  const { email, password } = backing.user('reader');
  const answer = await tryLogin(email.toUpperCase(), password);
  expect(answer.status).toBe(200);
  expect(Object.keys(answer.json).sort()).toEqual(['accessToken', 'expiresIn', 'refreshToken', 'tokenType']);
  expect(answer.json).toMatchObject({ tokenType: 'Bearer', expiresIn: 600 });
  expect(answer.headers['set-cookie']).toMatch(
    /^__Host-device=[A-Za-z0-9_.-]{77}; Max-Age=15552000; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
  );
  expect((await me(two, answer.json.accessToken)).json).toMatchObject({ email, role: 'reader' });
});

test('a wrong password, an unknown account and a disabled one bring the same answer', async () => {
  const admin = await one.login(backing.user('admin'));
  const gone = { email: 'gone@example.com', password: 'a long enough passphrase', role: 'reader' as const };
  const { json } = await admin.send('POST', '/api/v1/users', { body: gone });
  await admin.send('PATCH', `/api/v1/users/${json.id}`, { body: { disabled: true } });
  const answers = await Promise.all([
    tryLogin(backing.user('reader').email, 'wrong'),
    tryLogin('nobody@example.com', 'wrong'),
    tryLogin(gone.email, gone.password),
  ]);
  const shapes = answers.map(({ status, headers, json: { instance, ...body } }) => {
    const { date, 'x-request-id': id, ...others } = headers;
    const names = Object.keys(others).sort();
    expect(id).toBe(instance);
    expect(date).toBeDefined();
    return { status, body, names };
  });
  expect(shapes[0]).toMatchObject({ status: 401, body: { detail: 'Wrong e-mail address or password' } });
  expect(shapes[1]).toEqual(shapes[0]);
  expect(shapes[2]).toEqual(shapes[0]);
});

test('passwords may be long and of any script; beyond 256 bytes they are refused unhashed', async () => {
  const admin = await one.login(backing.user('admin'));
  const password = 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich 𓀀𓀁𓀂';
  const body = { email: 'unicode@example.com', password, role: 'reader' };
  expect((await admin.send('POST', '/api/v1/users', { body })).status).toBe(201);
  expect((await tryLogin(body.email, password)).status).toBe(200);
  expect((await tryLogin(body.email, `${password}!`)).status).toBe(401);
  expect((await tryLogin(body.email, '界'.repeat(90))).status).toBe(400);
});

test('a flood of logins is refused beyond the queue, and other routes go on', async () => {
  const user = await one.login(backing.user('caseworker'));
  const flood = Promise.all(
    Array.from({ length: 50 }, (_, i) => tryLogin(`flood-${i}@example.com`, 'not the password')),
  );
  const during: number[] = [];
  for (let i = 0; i < 20; i += 1) during.push((await me(one, user.accessToken)).status);
  const answers = await flood;
  const refused = answers.filter(({ status }) => status === 503);
  expect(new Set(during)).toEqual(new Set([200]));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 503]));
  expect(new Set(refused.map(({ headers }) => headers['retry-after']))).toEqual(new Set(['1']));
  expect(await one.metric('auth_login_total', { result: 'overloaded' })).toBe(refused.length);
  expect(await one.metric('password_hash_queue_depth')).toBe(0);
});

test('guessing from one place waits longer and longer; the owner elsewhere does not', async () => {
  const guessed = backing.user('caseworker');
  const edge = await backing.start({
    POLICIES_FILE: `${backing.dir}/policies.json`,
    TRUSTED_PROXIES: '127.0.0.1/32',
  });
  const from = (address: string, password: string) =>
    edge.send('POST', '/api/v1/auth/login', {
      body: { email: guessed.email, password },
      headers: { 'x-forwarded-for': address },
    });
  for (let i = 0; i < 11; i += 1) expect((await from('203.0.113.5', 'wrong')).status).toBe(401);
  const refused = await from('203.0.113.5', guessed.password);
  expect(refused.status).toBe(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await from('203.0.113.6', guessed.password)).status).toBe(200);
  expect(await edge.metric('auth_login_total', { result: 'throttled' })).toBe(1);
  expect(edge.logs.filter(({ event }) => event === 'login_delayed')).toHaveLength(1);
});
