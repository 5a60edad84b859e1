import { expect, test, vi } from 'vitest';
import { Problem } from '../http/problem.ts';
import { weakness } from '../settings/weak-passwords.ts';
import { Passwords } from './passwords.ts';

test('hashes are argon2id with the parameters asked for', async () => {
  const passwords = new Passwords();
  const hash = await passwords.hash('a long enough passphrase');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await passwords.verify(hash, 'a long enough passphrase')).toBe(true);
  expect(await passwords.verify(hash, 'a long enough passphrasf')).toBe(false);
  expect(passwords.isOutdated(hash)).toBe(false);
  expect(passwords.isOutdated(hash.replace('t=2', 't=1'))).toBe(true);
});

test('nobody has a password, and it takes as long to find out', async () => {
  expect(await new Passwords().verify(undefined, 'the password of nobody')).toBe(false);
});

test('as many run as there are slots; a bounded number waits; the rest is refused', async () => {
  const depths: number[] = [];
  const passwords = new Passwords((depth) => depths.push(depth), 1);
  const results = await Promise.allSettled(
    Array.from({ length: 70 }, () => passwords.verify(undefined, 'x')),
  );
  const refused = results.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(37);
  for (const result of refused) {
    const { reason } = result as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(Problem);
    expect(reason.status).toBe(503);
    expect(reason.headers).toEqual({ 'retry-after': '1' });
  }
  expect(Math.max(...depths)).toBe(32);
  expect(depths.at(-1)).toBe(0);
  expect(await passwords.verify(undefined, 'x')).toBe(false);
});

test('a slot rests while others wait, and not when nobody does', async () => {
  const passwords = new Passwords(() => {}, 1);
  await passwords.verify(undefined, 'alone');
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    await passwords.verify(undefined, 'alone again');
    const first = passwords.verify(undefined, 'first');
    const second = passwords.verify(undefined, 'second');
    await first;
    const third = passwords.verify(undefined, 'third');
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersToNextTimerAsync();
    await second;
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersToNextTimerAsync();
    await third;
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('a check that nobody waits for tells nothing of a queue', async () => {
  const depths: number[] = [];
  await new Passwords((depth) => depths.push(depth), 1).verify(undefined, 'alone');
  expect(depths).toEqual([]);
});

test('two slots that rest for one who waits: one of them takes it, and both are free afterwards', async () => {
  const passwords = new Passwords(() => {}, 2);
  await passwords.verify(undefined, 'alone');
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    const running = [passwords.verify(undefined, 'first'), passwords.verify(undefined, 'second')];
    const waiting = passwords.verify(undefined, 'third');
    await Promise.all(running);
    expect(vi.getTimerCount()).toBe(2);
    await vi.runAllTimersAsync();
    await waiting;
    const both = [passwords.verify(undefined, 'fourth'), passwords.verify(undefined, 'fifth')];
    await Promise.all(both);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test.each<[string, string | undefined]>([
  ['a long enough passphrase', undefined],
  ['пароль из многих букв', undefined],
  ['12 chars only'.slice(0, 12), undefined],
  ['short', 'is shorter than 12 characters'],
  ['x'.repeat(257), 'is longer than 256 bytes'],
  ['abababababab', 'has fewer than five different characters'],
  ['dragon-and-9-others', undefined],
  ...[
    'qwerty123456',
    'QWERTY123456',
    'P@ssw0rd1234',
    'Summer2024!!',
    'Password123456',
    '1234567890123',
    'passwordpassword',
    'p@55w0rdp@55w0rd',
    'monkey!monkey!',
    'correcthorsebatterystaple',
    // Numbers 1, 1,000 and 3,000 of the list.
    '123qweasdzxc',
    'severodvinsk',
    'fyutkbyf2005',
  ].map((password): [string, string] => [password, 'is one of the most used passwords, or a variant of one']),
  ['i am quentin, hello', 'contains a part of the e-mail address'],
  ['the smithsonian rules', 'contains a part of the e-mail address'],
  ['megacorp rules them all', 'contains a part of the e-mail address'],
  ['my S1mpl3378 login', "contains the service's name"],
])('%s: %s', (password, expected) => {
  expect(weakness(password, 'Quentin.Smith@megacorp.example')).toBe(expected);
});
