import type { FastifyReply } from 'fastify';

/**
 * Returns a signal that is aborted when the response closes, so that work for a client that left ends. (Fastify's
 * `request.signal` is aborted once a body was read.)
 */
export function clientSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (raw.destroyed) controller.abort();
  else raw.once('close', () => controller.abort());
  return controller.signal;
}
