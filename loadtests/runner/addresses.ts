/** Client addresses for k6's `--local-ips`. */
export interface Addresses {
  /** The option's value; null when the generator has its one address. */
  readonly range: string | null;
  readonly count: number;
}

/** Any address of 127.0.0.0/8 is local on Linux; only 127.0.0.1 elsewhere. */
const loopback = '127.32.0.1-127.32.3.232';

/**
 * Chooses the addresses to send from.
 * @param asked `--local-ips`, when given
 */
export function chooseAddresses(
  targets: readonly string[],
  platform: string,
  asked: string | undefined,
): Addresses {
  if (asked !== undefined) return { range: asked, count: countOf(asked) };
  return platform === 'linux' && targets.every(isLoopback)
    ? { range: loopback, count: countOf(loopback) }
    : { range: null, count: 1 };
}

/** Whether a URL points to this machine. */
function isLoopback(url: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}

/** How many addresses a list of IPv4 addresses, `a-b` ranges and CIDR blocks names. */
export function countOf(ranges: string): number {
  return ranges.split(',').reduce((sum, range) => {
    const [from = '', to] = range.split('-');
    const [, bits] = from.split('/');
    if (bits !== undefined) return sum + 2 ** (32 - Number(bits));
    return sum + (to === undefined ? 1 : numberOf(to) - numberOf(from) + 1);
  }, 0);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
