import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { isEqual, sign } from './signature.ts';

const tokenForm = /^rt1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;
/** Bytes of the secret's two halves: random bits, and a MAC over them. */
const half = 16;

/**
 * Makes a refresh token: the id of its session, 128 random bits, and a MAC of 128 bits. The MAC tells a token that was
 * issued once from an invented one without any record of old tokens.
 */
export function createRefreshToken(key: Buffer, sessionId: string): string {
  const random = randomBytes(half);
  return `rt1.${sessionId}.${Buffer.concat([random, mac(key, sessionId, random)]).toString('base64url')}`;
}

/** Returns the id of the session that a token names, valid or not; `undefined` for another form. */
export const sessionOf = (token: string): string | undefined => tokenForm.exec(token)?.[1];

/** Returns true if this service issued the token at any time. Tokens of releases without the MAC count as not issued. */
export function wasIssued(key: Buffer, token: string): boolean {
  const [, sessionId = '', secret = ''] = tokenForm.exec(token) ?? [];
  const bytes = Buffer.from(secret, 'base64url');
  if (bytes.length !== 2 * half) return false;
  return isEqual(bytes.toString('hex', half), mac(key, sessionId, bytes.subarray(0, half)).toString('hex'));
}

const mac = (key: Buffer, sessionId: string, random: Buffer): Buffer =>
  Buffer.from(sign(key, 'refresh', `${sessionId}:${random.toString('base64url')}`), 'base64url').subarray(
    0,
    half,
  );

/** Returns the SHA-256 of a token, the only form in which it is stored. */
export const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Encrypts a successor so that only the holder of the presented token can read it. */
export function seal(successor: string, presented: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sealingKey(presented), iv);
  return Buffer.concat([iv, cipher.update(successor, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
    'base64url',
  );
}

/** Decrypts a successor. */
export function unseal(sealed: string, presented: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', sealingKey(presented), bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(-16));
  return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
}

const sealingKey = (presented: string): Buffer =>
  Buffer.from(hkdfSync('sha256', presented, '', 'simple378 successor', 32));
