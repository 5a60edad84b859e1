import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Backing, startBacking, type TestService } from '../test/service.ts';

let backing: Backing;
let replica: TestService;

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start();
});
afterAll(() => backing.stop());

test('signs in', async () => {
  const user = backing.users[1];
  if (!user) throw new Error('no user');
  const session = await replica.login(user);
  const me = await session.send('GET', '/api/v1/auth/me');
  expect(me.status).toBe(200);
});
