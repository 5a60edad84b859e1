import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { includesAddress, toBlockList } from '../settings/networks.ts';

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
    return typeof given === 'string' &&
      wellFormed.test(given) &&
      includesAddress(proxies, socket.remoteAddress)
      ? given
      : randomUUID();
  };
}
