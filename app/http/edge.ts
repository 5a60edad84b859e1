import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

const wellFormed = /^[A-Za-z0-9._-]{1,64}$/;

/** The edge, as far as its headers are believed. */
export interface Edge {
  /** Reports whether a peer is a trusted proxy. */
  isTrusted(peer: string | undefined): boolean;
  /**
   * Returns the id of a request: the edge's, when a trusted proxy sends a well-formed one, else a new one. From others it
   * would let a client write into the log and collide with other people's requests.
   */
  requestId(request: IncomingMessage): string;
}

/** @param trusted CIDRs of the edge */
export function createEdge(trusted: readonly string[]): Edge {
  const proxies = toBlockList(trusted);
  const isTrusted = (peer: string | undefined) => includesAddress(proxies, peer);
  return {
    isTrusted,
    requestId({ headers, socket }) {
      const given = headers['x-request-id'];
      return typeof given === 'string' && wellFormed.test(given) && isTrusted(socket.remoteAddress)
        ? given
        : randomUUID();
    },
  };
}

/**
 * Reads `X-Forwarded-For` as some proxies write it: quoted, with a port, IPv6 in brackets. The list ends where an entry is
 * no address, because what stands left of it cannot be trusted either.
 * @returns plain addresses, the client's first
 */
export function normaliseForwardedFor(header: string): string {
  const addresses: string[] = [];
  for (const entry of header.split(',').reverse()) {
    const address = toAddress(entry);
    if (address === undefined) break;
    addresses.unshift(address);
  }
  return addresses.join(', ');
}

function toAddress(entry: string): string | undefined {
  const text = entry.trim().replace(/^"([^"]*)"$/, '$1');
  const bracketed = /^\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?$/.exec(text)?.[1];
  const withPort = /^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/.exec(text)?.[1];
  const address = bracketed ?? withPort ?? text;
  return isIP(address) > 0 ? address : undefined;
}

/**
 * Makes a list of CIDRs that addresses can be looked up in.
 * @throws RangeError or TypeError when one is not a CIDR
 */
function toBlockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix] = cidr.split('/');
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** Returns true if an address is in one of the networks of a list. */
function includesAddress(list: BlockList, address: string | undefined): boolean {
  if (address === undefined) return false;
  // A dual-stack listener reports IPv4 peers as ::ffff:a.b.c.d.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
}
