import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { type RedisUser, redisUsers } from '../config/redis.ts';
import { home, paths } from './layout.ts';

const day = 24 * 3_600_000;
const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Writes a file that only this user reads, in a folder that only this user enters. */
export function writePrivate(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content, { mode: 0o600 });
}

/** Makes what is missing of secrets, users and certificates; what is there stays, so that state survives a restart. */
export async function ensureMaterial(): Promise<void> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (const user of redisUsers) once(paths.redisPassword(user), () => secret());
  const service = (file: string) => join(paths.serviceSecrets, file);
  once(service('redis-data-password'), () => redisPassword('case-data'));
  once(service('redis-limiter-password'), () => redisPassword('case-limiter'));
  once(service('token-keys.json'), tokenKeys);
  once(service('data-keys.json'), () => JSON.stringify({ active: 'k1', keys: { k1: bytes() } }));
  once(service('csrf-key'), bytes);
  once(service('pseudonym-key'), bytes);
  once(paths.users, users);
  once(service('users.json'), () => readFileSync(paths.users, 'utf8'));
  await ensureCertificates();
}

/** The password of a Redis user. */
export const redisPassword = (user: RedisUser): string =>
  readFileSync(paths.redisPassword(user), 'utf8').trim();

function once(path: string, make: () => string): void {
  if (!existsSync(path)) writePrivate(path, `${make()}\n`);
}

const secret = (): string => randomBytes(24).toString('base64url');
const bytes = (): string => randomBytes(32).toString('base64');

function tokenKeys(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  const kid = `t${Date.now().toString(36)}`;
  const key = {
    ...privateKey.export({ format: 'jwk' }),
    kid,
    alg: 'EdDSA',
    use: 'sig',
    createdAt: new Date().toISOString(),
  };
  return JSON.stringify({ active: kid, keys: [key] });
}

/** At least one of each role, and two caseworkers, who must not see each other's cases. */
function users(): string {
  const accounts = [
    ['admin', 'admin'],
    ['caseworker', 'caseworker'],
    ['caseworker2', 'caseworker'],
    ['reader', 'reader'],
  ].map(([name, role]) => ({ email: `${name}@local.example`, password: secret(), role }));
  return JSON.stringify(accounts, null, 2);
}

/** An authority of this machine's own, and a certificate for loopback for each server; renewed a week before the end. */
async function ensureCertificates(): Promise<void> {
  x509.cryptoProvider.set(webcrypto as never);
  const caKeyFile = join(home, 'tls', 'ca.key');
  if (!existsSync(caKeyFile) || endsWithin(paths.authority, 30)) {
    const { certificate, key } = await authority();
    writePrivate(caKeyFile, key);
    writePrivate(paths.authority, certificate);
  }
  const issuer = new x509.X509Certificate(readFileSync(paths.authority, 'utf8'));
  const issuerKey = await importKey(readFileSync(caKeyFile, 'utf8'));
  for (const part of ['service', 'redis']) {
    const folder = paths.tls(part);
    if (!endsWithin(join(folder, 'tls.crt'), 7, issuer)) continue;
    const { certificate, key } = await leaf(issuer, issuerKey);
    writePrivate(join(folder, 'tls.crt'), certificate);
    writePrivate(join(folder, 'tls.key'), key);
    writePrivate(join(folder, 'ca.crt'), issuer.toString('pem'));
  }
}

/** Whether a certificate is missing, ends within some days, or is of another authority. */
function endsWithin(file: string, days: number, issuer?: x509.X509Certificate): boolean {
  if (!existsSync(file)) return true;
  const certificate = new x509.X509Certificate(readFileSync(file, 'utf8'));
  return (
    certificate.notAfter.getTime() < Date.now() + days * day ||
    (issuer !== undefined && certificate.issuer !== issuer.subject)
  );
}

async function authority(): Promise<{ certificate: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // A name of its own: two authorities of one machine must not be taken for each other.
    name: `CN=Simple378 local authority ${randomBytes(4).toString('hex')}`,
    serialNumber: randomBytes(8).toString('hex'),
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 365 * day),
    keys,
    signingAlgorithm: curve,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

async function leaf(
  issuer: x509.X509Certificate,
  issuerKey: CryptoKey,
): Promise<{ certificate: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: issuer.subject,
    serialNumber: randomBytes(8).toString('hex'),
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 90 * day),
    publicKey: keys.publicKey,
    signingKey: issuerKey,
    signingAlgorithm: curve,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}

type CryptoKey = webcrypto.CryptoKey;

const exportKey = async (key: CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');

const importKey = (pem: string): Promise<CryptoKey> =>
  webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), curve, false, ['sign']);
