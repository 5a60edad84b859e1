import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';

const wellFormed = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * The id of a request: the edge's, when a trusted proxy sends a well-formed one, else a new one. From anybody else it
 * would let a client write into our logs and collide with other people's requests.
 * @param trusted CIDRs of the edge
 */
export function requestIds(trusted: readonly string[]): (request: IncomingMessage) => string {
  const proxies = toBlockList(trusted);
  return ({ headers, socket }) => {
    const given = headers['x-request-id'];
    return typeof given === 'string' && wellFormed.test(given) && includes(proxies, socket.remoteAddress)
      ? given
      : randomUUID();
  };
}

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

function includes(list: BlockList, address: string | undefined): boolean {
  if (address === undefined) return false;
  // A dual-stack listener reports IPv4 peers as ::ffff:a.b.c.d.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
}
