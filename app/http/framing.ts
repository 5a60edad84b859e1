import type { FastifyRequest } from 'fastify';
import { Problem } from './problem.ts';

/** Headers of which two would let two readers see two requests (ASVS 4.2.1). */
const single = new Set([
  'host',
  'authorization',
  'content-type',
  'content-length',
  'transfer-encoding',
  'cookie',
]);

/**
 * Refuses what Node's parser lets through and an edge may read otherwise: doubled headers, a target in absolute form,
 * chunks in HTTP/1.0; and what Node would refuse without our headers: a missing host.
 * @throws Problem 400, and the connection is closed
 */
export function assertFraming(request: FastifyRequest): void {
  const { rawHeaders, url = '', httpVersion } = request.raw;
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    if (single.has(name) && seen.has(name)) throw refused(`More than one ${name} header`);
    seen.add(name);
  }
  if (httpVersion === '1.1' && !seen.has('host')) throw refused('There is no host header');
  if (!url.startsWith('/') && url !== '*') throw refused('The target is not a path');
  if (httpVersion === '1.0' && seen.has('transfer-encoding'))
    throw refused('HTTP/1.0 knows no transfer encoding');
}

const refused = (detail: string): Problem =>
  new Problem(400, 'Bad Request', { detail, headers: { connection: 'close' } });
