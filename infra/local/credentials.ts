import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { type RedisUser, redisUsers } from '../config/redis.ts';
import { home, paths } from './layout.ts';

/** A user of the local stack, as in `.local/users.json`. */
export interface Account {
  readonly email: string;
  readonly password: string;
  readonly role: string;
}

const day = 24 * 3_600_000;
const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Writes a file that only this user can read, in a folder that only this user can enter. */
export function writePrivate(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content, { mode: 0o600 });
}

/**
 * Creates the secrets, users and certificates that are missing. Existing ones stay, so that state survives a restart.
 * @param accounts the users of `Pulumi.local.yaml`; each gets a password
 */
export async function ensureSecrets(accounts: readonly Pick<Account, 'email' | 'role'>[]): Promise<void> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  for (const user of redisUsers) once(paths.redisPassword(user), () => secret());
  const service = (file: string) => join(paths.serviceSecrets, file);
  once(service('redis-data-password'), () => redisPassword('case-data'));
  once(service('redis-limiter-password'), () => redisPassword('case-limiter'));
  once(service('token-keys.json'), tokenKeys);
  once(service('data-keys.json'), () => JSON.stringify({ active: 'k1', keys: { k1: bytes() } }));
  once(service('csrf-key'), bytes);
  once(service('pseudonym-key'), bytes);
  ensureUsers(accounts);
  writePrivate(service('users.json'), readFileSync(paths.users, 'utf8'));
  await ensureCertificates();
}

/** Returns the password of a Redis user. */
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

/** The users that every stack has, because its smoke test, its load tests and its documents need them. */
const requiredRoles = ['admin', 'caseworker', 'caseworker', 'reader'];

/** Writes the users of the settings, and one more for each required role that they leave out. Passwords stay. */
function ensureUsers(accounts: readonly Pick<Account, 'email' | 'role'>[]): void {
  const before = existsSync(paths.users) ? (JSON.parse(readFileSync(paths.users, 'utf8')) as Account[]) : [];
  const wanted = [...accounts];
  for (const [index, role] of requiredRoles.entries()) {
    const count = requiredRoles.slice(0, index + 1).filter((other) => other === role).length;
    if (wanted.filter((account) => account.role === role).length < count)
      wanted.push({ email: `${role}${count > 1 ? count : ''}@local.example`, role });
  }
  const users = wanted.map(({ email, role }) => ({
    email,
    password: before.find((known) => known.email === email)?.password ?? secret(),
    role,
  }));
  writePrivate(paths.users, `${JSON.stringify(users, null, 2)}\n`);
}

/** Creates an authority for this machine and a certificate for loopback for each server, and renews them a week before they end. */
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
  for (const server of ['service', 'redis']) {
    const folder = paths.tls(server);
    if (!endsWithin(join(folder, 'tls.crt'), 7, issuer)) continue;
    const { certificate, key } = await leaf(issuer, issuerKey);
    writePrivate(join(folder, 'tls.crt'), certificate);
    writePrivate(join(folder, 'tls.key'), key);
    writePrivate(join(folder, 'ca.crt'), issuer.toString('pem'));
  }
}

/** Returns whether a certificate is missing, ends within some days, or has another issuer. */
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
    // Each authority has another name, so that a client does not take one for the other.
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
