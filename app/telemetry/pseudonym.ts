import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Pseudonyms remembered per key: every request of a user needs the same one for its log line. */
const remembered = new WeakMap<Buffer, LRUCache<string, string>>();
const maxRemembered = 10_000;

/**
 * A keyed hash that stands for an account id or login name in keys and logs: 128 bits in base64url.
 * @param kind keeps the ids of accounts and the names typed at login apart
 */
export function pseudonym(key: Buffer, kind: 'user' | 'account', value: string): string {
  let known = remembered.get(key);
  if (known === undefined) {
    known = new LRUCache({ max: maxRemembered });
    remembered.set(key, known);
  }
  const text = `${kind}:${value}`;
  let name = known.get(text);
  if (name === undefined) {
    name = createHmac('sha256', key).update(text).digest().toString('base64url', 0, 16);
    known.set(text, name);
  }
  return name;
}
