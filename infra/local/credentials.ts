import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createAuthority, openAuthority } from '../certificates/authority.ts';
import { type RedisUser, redisUsers } from '../config/redis.ts';
import { home, paths } from './layout.ts';

/** A user of the local stack, as in `.local/users.json`. */
export interface Account {
  readonly email: string;
  readonly password: string;
  readonly role: string;
}

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
  const caKeyFile = join(home, 'tls', 'ca.key');
  if (!existsSync(caKeyFile) || endsWithin(paths.authority, 30)) {
    // Each authority has another name, so that a client does not take one for the other.
    const name = `Simple378 local authority ${randomBytes(4).toString('hex')}`;
    const { certificate, key } = await createAuthority(name, 365 * 24);
    writePrivate(caKeyFile, key);
    writePrivate(paths.authority, certificate);
  }
  const certificate = readFileSync(paths.authority, 'utf8');
  const authority = await openAuthority({ certificate, key: readFileSync(caKeyFile, 'utf8') });
  for (const server of ['service', 'redis']) {
    const folder = paths.tls(server);
    if (!endsWithin(join(folder, 'tls.crt'), 7, new X509Certificate(certificate))) continue;
    const issued = await authority.issue({ names: ['localhost', '127.0.0.1', '::1'], validHours: 90 * 24 });
    writePrivate(join(folder, 'tls.crt'), issued.certificate);
    writePrivate(join(folder, 'tls.key'), issued.key);
    writePrivate(join(folder, 'ca.crt'), certificate);
  }
}

/** Returns whether a certificate is missing, ends within some days, or has another issuer. */
function endsWithin(file: string, days: number, issuer?: X509Certificate): boolean {
  if (!existsSync(file)) return true;
  const certificate = new X509Certificate(readFileSync(file));
  return (
    Date.parse(certificate.validTo) < Date.now() + days * 24 * 3_600_000 ||
    (issuer !== undefined && !certificate.checkIssued(issuer))
  );
}
