import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeCertificate } from '../../test/support/certificates.ts';
import { type Backing, startBacking, type TestService, until } from '../../test/support/service.ts';

let backing: Backing;
let replica: TestService;

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start();
});
afterAll(() => backing.stop());

const handshake = (options: object) =>
  new Promise<{ protocol: string | null; peer: PeerCertificate }>((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: replica.ports.api, ca: backing.authority.certificate, ...options },
      () => {
        resolve({ protocol: socket.getProtocol(), peer: socket.getPeerCertificate() });
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });

test.each<[string, object]>([
  ['TLSv1.3', {}],
  ['TLSv1.2', { maxVersion: 'TLSv1.2' }],
  ['TLSv1.2', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' }],
  ['TLSv1.3', { ecdhCurve: 'X25519' }],
  ['TLSv1.3', { ecdhCurve: 'P-256' }],
  ['TLSv1.3', { ecdhCurve: 'P-384' }],
])('%s is spoken: %j', async (protocol, options) => {
  expect((await handshake(options)).protocol).toBe(protocol);
});

test.each<[object]>([
  [{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
  [{ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' }],
  [{ maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }],
  [{ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-CCM' }],
  [{ ecdhCurve: 'P-521' }],
  [{ ecdhCurve: 'X448' }],
])('%j is not', async (options) => {
  await expect(handshake(options)).rejects.toThrow();
});

test('a renewed certificate is served without a restart; a broken one is refused and the old one stays', async () => {
  const folder = join(backing.dir, 'tls');
  const before = (await handshake({})).peer.serialNumber;
  await writeCertificate(folder, backing.authority, 60);
  await until(async () => (await handshake({})).peer.serialNumber !== before);
  const renewed = (await handshake({})).peer.serialNumber;
  const certificate = readFileSync(join(folder, 'tls.crt'), 'utf8');
  writeFileSync(join(folder, 'tls.crt'), 'half a certif');
  await until(() => replica.logs.some(({ event }) => event === 'files_refused'));
  expect((await handshake({})).peer.serialNumber).toBe(renewed);
  const days = ((await replica.metric('tls_cert_expiry_timestamp_seconds')) - Date.now() / 1_000) / 86_400;
  expect(Math.round(days)).toBe(60);
  writeFileSync(join(folder, 'tls.crt'), certificate);
});
