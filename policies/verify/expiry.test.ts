import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../test/support/redis.ts';
import { sabotage } from '../mutants/proxy.ts';
import { type RunningVictim, startVictim } from '../mutants/victim.ts';
import { checks } from './checks/index.ts';
import { main } from './main.ts';
import { exitCode } from './report.ts';
import { verify } from './run.ts';

let victim: RunningVictim;
beforeAll(async () => {
  victim = await startVictim();
});
afterAll(() => victim.stop());

const expiry = checks.filter(({ id }) => id === 'tls-expiry');

test.each([
  ['ends today', 0.2],
  ['ended yesterday', -0.5],
])('a certificate that %s is found out, exit 1', async (_what, days) => {
  const { certificate, key } = await victim.backing.authority.issue(days);
  const proxied = await sabotage(victim.api, { cert: certificate, key }, {});
  try {
    // The check of TLS 1.3 meets an ended certificate first; either is a violation.
    const also = checks.filter(({ id }) => id === 'tls-tls-1-3');
    const results = await verify(
      { target: proxied.target, users: [], operations: [] },
      days > 0 ? expiry : also,
    );
    expect(results.map(({ status }) => status)).toEqual(['fail']);
    expect(exitCode(results)).toBe(1);
  } finally {
    await proxied.stop();
  }
});

test('one with all its life before it passes', async () => {
  const [cert, key] = ['tls.crt', 'tls.key'].map((file) => readFileSync(join(victim.tlsDir, file), 'utf8'));
  const proxied = await sabotage(victim.api, { cert: cert ?? '', key: key ?? '' }, {});
  try {
    const [result] = await verify({ target: proxied.target, users: [], operations: [] }, expiry);
    expect(result?.status).toBe('pass');
  } finally {
    await proxied.stop();
  }
});

test('one for years that names no host is found out for both', async () => {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  x509.cryptoProvider.set(webcrypto as never);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    serialNumber: randomBytes(8).toString('hex'),
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 824 * 86_400_000),
    keys,
    signingAlgorithm: algorithm,
  });
  const key = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  const cert = certificate.toString('pem');
  const proxied = await sabotage(victim.api, { cert, key }, {});
  try {
    const { host, port } = proxied.target;
    const target = { host: 'localhost', port, tls: true, ca: cert, at: { host, port } };
    const chosen = checks.filter(({ id }) => id === 'tls-certificate');
    const [result] = await verify({ target, users: [], operations: [] }, chosen);
    expect(result).toMatchObject({ status: 'fail', observed: 'names no host, valid for 825 days' });
  } finally {
    await proxied.stop();
  }
});

test('the command checks a target whose certificate has ended, and exits 1 with the finding', async () => {
  const { certificate, key } = await victim.backing.authority.issue(-0.5);
  const proxied = await sabotage(victim.api, { cert: certificate, key }, {});
  const folder = mkdtempSync(join(tmpdir(), 'security-verify-'));
  try {
    const users = join(folder, 'users.json');
    writeFileSync(users, JSON.stringify(victim.backing.users));
    const lines: string[] = [];
    const argv = ['--target', `https://127.0.0.1:${proxied.target.port}`, '--users', users];
    const ca = ['--ca', join(victim.tlsDir, 'ca.crt'), '--only', 'tls-tls-1-3'];
    expect(await main([...argv, ...ca], (line) => lines.push(line))).toBe(1);
    expect(lines.join('\n')).toMatch(/FAIL tls-tls-1-3[\s\S]*certificate has expired/);
  } finally {
    rmSync(folder, { recursive: true });
    await proxied.stop();
  }
});

test('nobody there is no refusal of an offer, and port 80 is asked where --connect says', async () => {
  const port = await freePort();
  const target = { host: 'api.example', port, tls: true, ca: undefined, at: { host: '127.0.0.78', port } };
  const chosen = checks.filter(({ id }) => id === 'tls-no-tls-1-0' || id === 'tls-port-80');
  const results = await verify({ target, users: [], operations: [] }, chosen);
  expect(results.map(({ status, observed }) => [status, observed])).toEqual([
    ['error', 'this machine cannot make that offer (ECONNREFUSED)'],
    ['pass', 'closed'],
  ]);
});
