import { BlockList, isIPv6 } from 'node:net';

/**
 * A list of CIDRs that addresses can be looked up in.
 * @throws RangeError or TypeError when one is not a CIDR
 */
export function toBlockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/');
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** Whether an address is in one of the networks of a list. */
export function includesAddress(list: BlockList, address: string | undefined): boolean {
  if (address === undefined) return false;
  // A dual-stack listener reports IPv4 peers as ::ffff:a.b.c.d.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
}
