import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificatePair, createAuthority as create } from '../../infra/certificates/authority.ts';

/** A certificate authority of a test. */
export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** Issues a server's certificate for loopback. */
  issue(days?: number): Promise<CertificatePair>;
}

/** Creates an authority. */
export async function createAuthority(): Promise<Authority> {
  const { certificate, issue } = await create('Simple378 test authority', 365 * 24);
  const names = ['localhost', '127.0.0.1', '::1'];
  return { certificate, issue: (days = 30) => issue({ names, validHours: days * 24 }) };
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
