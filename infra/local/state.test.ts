import 'reflect-metadata';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { ensureSecrets } from './credentials.ts';
import { paths, portsAt } from './layout.ts';
import { isAlive, readStackFile, removeStackFile, supervisorPid, writeStackFile } from './stack-file.ts';

// Everything is real but the place: a folder of the test's own instead of this checkout's .local.
const place = vi.hoisted(() => ({ home: '' }));
vi.mock('./layout.ts', async (original) => {
  const real = await original<typeof import('./layout.ts')>();
  const moved = (path: string) => path.replace(real.home, place.home);
  const { tls, redisPassword, config, data, log, ...files } = real.paths;
  return {
    ...real,
    get home() {
      return place.home;
    },
    paths: {
      get stackFile() {
        return moved(files.stackFile);
      },
      get lockFile() {
        return moved(files.lockFile);
      },
      get users() {
        return moved(files.users);
      },
      get authority() {
        return moved(files.authority);
      },
      get serviceSecrets() {
        return moved(files.serviceSecrets);
      },
      tls: (part: string) => moved(tls(part)),
      redisPassword: (user: string) => moved(redisPassword(user)),
    },
  };
});
place.home = mkdtempSync(join(tmpdir(), 'local state '));
afterAll(() => rmSync(place.home, { recursive: true }));
afterEach(() => vi.useRealTimers());

const certificate = (part: string) =>
  new x509.X509Certificate(readFileSync(join(paths.tls(part), 'tls.crt'), 'utf8'));
const authority = () => new x509.X509Certificate(readFileSync(paths.authority, 'utf8'));

const accounts = [
  { email: 'anna@example.test', role: 'caseworker' },
  { email: 'olga@example.test', role: 'admin' },
];

test('secrets and certificates are made once, for their owner alone, and renewed before they end', async () => {
  await ensureSecrets(accounts);
  const users = readFileSync(paths.users, 'utf8');
  // The users of the settings, and one for each role that a stack needs and they lack.
  expect(
    (JSON.parse(users) as { email: string; role: string }[]).map(({ email, role }) => [email, role]),
  ).toEqual([
    ['anna@example.test', 'caseworker'],
    ['olga@example.test', 'admin'],
    ['caseworker2@local.example', 'caseworker'],
    ['reader@local.example', 'reader'],
  ]);
  expect(statSync(paths.users).mode & 0o777).toBe(0o600);
  const [ca, first] = [authority(), certificate('service')];
  expect(await first.verify({ publicKey: ca.publicKey, signatureOnly: true })).toBe(true);

  await ensureSecrets(accounts);
  expect(readFileSync(paths.users, 'utf8')).toBe(users);
  expect(readFileSync(join(paths.serviceSecrets, 'users.json'), 'utf8')).toBe(users);
  expect(certificate('service').serialNumber).toBe(first.serialNumber);

  vi.useFakeTimers({ now: first.notAfter.getTime() - 24 * 3_600_000, toFake: ['Date'] });
  await ensureSecrets(accounts);
  expect(certificate('service').serialNumber).not.toBe(first.serialNumber);
  expect(authority().serialNumber).toBe(ca.serialNumber);

  vi.setSystemTime(ca.notAfter.getTime() - 24 * 3_600_000);
  await ensureSecrets(accounts);
  expect(authority().serialNumber).not.toBe(ca.serialNumber);
  expect(certificate('redis').issuer).toBe(authority().subject);
});

test('a stack is found while its supervisor lives, with what it has and what it has not', () => {
  expect(readStackFile()).toBeUndefined();
  expect(supervisorPid()).toBeUndefined();
  const found = { command: [], source: 'test', version: '1' };
  const written = writeStackFile(portsAt(100), { prometheus: found }, '/limits.json');
  expect(readStackFile()).toEqual(written);
  expect(written).toMatchObject({
    edge: 'https://localhost:8543',
    prometheus: 'http://localhost:9190',
    alertmanager: null,
    policies: '/limits.json',
  });
  expect(supervisorPid()).toBe(process.pid);

  const gone = 2 ** 22 + 1;
  writeFileSync(paths.stackFile, JSON.stringify({ ...written, pid: gone }));
  expect(readStackFile()).toBeUndefined();
  writeFileSync(paths.lockFile, JSON.stringify({ pid: gone, components: {} }));
  expect(supervisorPid()).toBeUndefined();
  writeFileSync(paths.lockFile, JSON.stringify({ pid: process.pid, components: {} }));
  expect(supervisorPid()).toBe(process.pid);
  removeStackFile();
  expect(readStackFile()).toBeUndefined();
});

test('a process of somebody else is alive too', () => {
  expect([isAlive(process.pid), isAlive(1), isAlive(2 ** 22 + 1)]).toEqual([true, true, false]);
});
