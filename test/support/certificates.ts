import 'reflect-metadata';
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const day = 24 * 3_600_000;
x509.cryptoProvider.set(webcrypto as never);

/** A certificate authority of a test's own. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** A server's certificate for loopback, in PEM. */
  issue(days?: number): Promise<{ readonly certificate: string; readonly key: string }>;
}

/** Makes an authority. */
export async function createAuthority(): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Simple378 test authority',
    serialNumber: randomBytes(8).toString('hex'),
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 365 * day),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: authority.toString('pem'),
    async issue(days = 30) {
      const own = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const certificate = await x509.X509CertificateGenerator.create({
        subject: 'CN=localhost',
        issuer: authority.subject,
        serialNumber: randomBytes(8).toString('hex'),
        notBefore: new Date(Date.now() - day),
        notAfter: new Date(Date.now() + days * day),
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.SubjectAlternativeNameExtension([
            { type: 'dns', value: 'localhost' },
            { type: 'ip', value: '127.0.0.1' },
            { type: 'ip', value: '::1' },
          ]),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      });
      const key = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
      return { certificate: certificate.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
    },
  };
}

/** An account of the tests. */
export interface TestUser {
  readonly email: string;
  readonly password: string;
  readonly role: 'reader' | 'caseworker' | 'admin';
}

/** One user per role and a second caseworker; passwords are random. */
export function createUsers(): readonly TestUser[] {
  const user = (name: string, role: TestUser['role']): TestUser => ({
    email: `${name}@example.com`,
    password: randomBytes(18).toString('base64url'),
    role,
  });
  return [
    user('rita', 'reader'),
    user('carl', 'caseworker'),
    user('cora', 'caseworker'),
    user('alma', 'admin'),
  ];
}

/** A private Ed25519 signing key as `token-keys.json` holds it. */
export function createTokenKey(kid: string, createdAt = new Date()): Record<string, unknown> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { kty, crv, d, x } = privateKey.export({ format: 'jwk' });
  return { kty, crv, d, x, kid, alg: 'EdDSA', use: 'sig', createdAt: createdAt.toISOString() };
}

/** Writes a folder of secrets as the service reads it, with fresh values; returns the passwords of Redis by role. */
export function writeSecrets(folder: string, users: readonly TestUser[]): { data: string; limiter: string } {
  const passwords = { data: randomBytes(24).toString('hex'), limiter: randomBytes(24).toString('hex') };
  const key = () => randomBytes(32).toString('base64');
  writeFiles(folder, {
    'redis-data-password': passwords.data,
    'redis-limiter-password': passwords.limiter,
    'token-keys.json': JSON.stringify({ active: 'k1', keys: [createTokenKey('k1')] }),
    'data-keys.json': JSON.stringify({ active: 'd1', keys: { d1: key() } }),
    'csrf-key': key(),
    'pseudonym-key': key(),
    'users.json': JSON.stringify(users),
  });
  return passwords;
}

/** Writes a server's certificate into a folder named as a Kubernetes TLS Secret. */
export async function writeCertificate(folder: string, authority: Authority, days?: number): Promise<void> {
  const { certificate, key } = await authority.issue(days);
  writeFiles(folder, { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': authority.certificate });
}

/** Writes files that only this user can read. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  }
}
