import { createHmac } from 'node:crypto';

/**
 * A keyed hash that stands for an account id or login name in keys and logs: 128 bits in base64url.
 * @param kind keeps the ids of accounts and the names typed at login apart
 */
export function pseudonym(key: Buffer, kind: 'user' | 'account', value: string): string {
  return createHmac('sha256', key).update(`${kind}:${value}`).digest().subarray(0, 16).toString('base64url');
}
