import { createHash, createHmac } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import type { Policy } from '../contract/policies.ts';

/** Who and what a request is, as far as it is known when it is limited. */
export interface Subject {
  /** The client's address, behind trusted proxies only what these say. */
  readonly ip: string;
  /** Account id of the verified identity. */
  readonly userId?: string | undefined;
  readonly role?: string | undefined;
  /** The login name tried. */
  readonly account?: string | undefined;
  /** Route template, for `endpoint` rules. */
  readonly endpoint?: string | undefined;
  /** Name of the operation, for `user+operation` rules. */
  readonly operation?: string | undefined;
}

/** No rule could be applied since nothing says who sends the request; it must be refused, not pooled with others. */
export class NoSubject extends Error {}

/**
 * Names the windows. Parts are digests of fixed length, so that no user id, whatever it contains, can name another's
 * window, and Redis holds no personal data. All windows of one user share a hash tag, and so a slot of a cluster.
 * @param secret makes digests that cannot be guessed from a list of users
 */
export class WindowKeys {
  readonly #secret: Buffer | undefined;

  constructor(secret?: Buffer) {
    this.#secret = secret;
  }

  /** The window of a policy for a subject. A part that is not known falls back to the address, never to a shared window. */
  key(policy: Policy, subject: Subject): string {
    switch (policy.scope) {
      case 'global':
        return `rl:v1:{shared}:${policy.name}`;
      case 'endpoint':
        return `rl:v1:{shared}:${policy.name}:${this.#suffix('endpoint', subject.endpoint ?? 'unmatched')}`;
      case 'user':
      case 'user+operation':
        if (subject.userId === undefined) return this.#address(policy, subject);
        return this.userKey(policy, subject.userId, subject.operation);
      case 'account':
        if (subject.account === undefined) return this.#address(policy, subject);
        return `rl:v1:{${this.digest('account', subject.account)}}:${policy.name}`;
      case 'ip':
        return this.#address(policy, subject);
    }
  }

  /** The window of a user-scoped policy. */
  userKey(policy: Policy, userId: string, operation = 'other'): string {
    const key = `rl:v1:{${this.digest('user', userId)}}:${policy.name}`;
    return policy.scope === 'user+operation' ? `${key}:${this.#suffix('operation', operation)}` : key;
  }

  /** 96 bits that stand for a value of a kind. */
  digest(kind: string, value: string): string {
    const hash = this.#secret ? createHmac('sha256', this.#secret) : createHash('sha256');
    return hash.update(`${kind}\0${value}`).digest().toString('base64url', 0, 12);
  }

  /** Routes and operations are our own names: fewer bits keep the key in a smaller memory class of Redis. */
  #suffix(kind: string, value: string): string {
    return this.digest(kind, value).slice(0, 12);
  }

  #address(policy: Policy, subject: Subject): string {
    const network = networkOf(subject.ip);
    if (network === undefined) throw new NoSubject('neither user nor address is known');
    return `rl:v1:{${this.digest('ip', network)}}:${policy.name}`;
  }
}

/**
 * What counts as one client: an IPv4 address, however it is written, or the /64 that a provider hands to one
 * subscriber. `undefined` for what is no address.
 */
export function networkOf(ip: string): string | undefined {
  const bare = ip.replace(/%.*$/, '');
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare)) return undefined;
  const words = expand(bare);
  const mapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  if (mapped)
    return words
      .slice(6)
      .flatMap((word) => [word >> 8, word & 0xff])
      .join('.');
  return `${words
    .slice(0, 4)
    .map((word) => word.toString(16))
    .join(':')}::/64`;
}

/** The eight words of a valid IPv6 address. */
function expand(ip: string): number[] {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  const text = dotted
    ? ip.slice(0, dotted.index) +
      [1, 3].map((i) => ((Number(dotted[i]) << 8) | Number(dotted[i + 1])).toString(16)).join(':')
    : ip;
  const [head = '', tail] = text.split('::');
  const words = (part: string) =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}
