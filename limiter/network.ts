import { isIPv4, isIPv6 } from 'node:net';

/** A network that is counted as one client, and its quota as a multiple of the policy's. */
export interface Network {
  readonly name: string;
  readonly factor: number;
}

/** Prefix lengths of IPv6 that are counted, narrowest first. One customer often has a whole /56 or /48. */
const prefixes = [
  { bits: 64, factor: 1 },
  { bits: 56, factor: 2 },
  { bits: 48, factor: 4 },
] as const;

/**
 * Returns the networks that an address is counted in, narrowest first: an IPv4 address alone, however it is written, or
 * the /64, /56 and /48 of an IPv6 address. Empty for text that is no address.
 */
export function networksOf(ip: string): readonly Network[] {
  const [bare = ''] = ip.split('%', 1);
  if (isIPv4(bare)) return [{ name: bare, factor: 1 }];
  if (!isIPv6(bare)) return [];
  const words = expand(bare);
  const embedded = embeddedIPv4(words);
  if (embedded !== undefined) return [{ name: embedded, factor: 1 }];
  return prefixes.map(({ bits, factor }) => {
    const kept = words.slice(0, 4);
    if (bits < 64) kept[3] = bits === 56 ? (kept[3] ?? 0) & 0xff00 : 0;
    return { name: `${kept.map((word) => word.toString(16)).join(':')}::/${bits}`, factor };
  });
}

/** Returns the narrowest network of an address; `undefined` for text that is no address. */
export const networkOf = (ip: string): string | undefined => networksOf(ip)[0]?.name;

/**
 * Returns the IPv4 address that an IPv6 address carries: mapped (`::ffff:`), translated (`::ffff:0:`), compatible
 * (`::a.b.c.d`), or of NAT64 (RFC 6052 `64:ff9b::/96`, RFC 8215 `64:ff9b:1::/48` as a /96 or a /48).
 */
function embeddedIPv4(words: readonly number[]): string | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, high = 0, low = 0] = words;
  const last = dotted(high, low);
  if (a === 0 && b === 0 && c === 0 && d === 0) {
    if (e === 0 && f === 0xffff) return last;
    if (e === 0xffff && f === 0) return last;
    // `::` and `::1` are the unspecified address and loopback.
    if (e === 0 && f === 0 && (high !== 0 || low > 1)) return last;
  }
  if (a !== 0x64 || b !== 0xff9b) return undefined;
  if (c === 0 && d === 0 && e === 0 && f === 0) return last;
  if (c !== 1) return undefined;
  // The /48 form has the address in bits 48 to 63 and 72 to 87, with zeros between and after.
  const hasGap = e >> 8 === 0 && (f & 0xff) === 0 && high === 0 && low === 0;
  return d !== 0 && hasGap ? dotted(d, ((e & 0xff) << 8) | (f >> 8)) : last;
}

const dotted = (high: number, low: number): string =>
  [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');

/** Returns the eight words of a valid IPv6 address. */
function expand(ip: string): number[] {
  const quad = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  const text = quad
    ? ip.slice(0, quad.index) +
      [1, 3].map((i) => ((Number(quad[i]) << 8) | Number(quad[i + 1])).toString(16)).join(':')
    : ip;
  const [head = '', tail] = text.split('::');
  const words = (part: string) =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}
