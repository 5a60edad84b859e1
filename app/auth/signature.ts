import { createHmac, timingSafeEqual } from 'node:crypto';

/** Returns an HMAC-SHA256 in base64url. `purpose` keeps the uses of one key apart. */
export const sign = (key: Buffer, purpose: 'csrf' | 'device' | 'refresh', text: string): string =>
  createHmac('sha256', key).update(`${purpose}:${text}`).digest('base64url');

/** Compares two texts in constant time. */
export function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
