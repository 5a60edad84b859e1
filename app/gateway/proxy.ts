import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../http/problem.ts';
import type { Settings } from '../settings/settings.ts';

/** Fields that belong to one connection (RFC 9110 7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Milliseconds until the upstream must have begun its answer. */
const timeout = 15_000;

/** Returns a handler that forwards a request to `GATEWAY_UPSTREAM` and its answer back, both as streams. */
export function forwardTo(settings: Settings, { isDraining }: { readonly isDraining: () => boolean }) {
  const upstream = new URL(settings.GATEWAY_UPSTREAM ?? '');
  const isTls = upstream.protocol === 'https:';
  const ca = settings.GATEWAY_UPSTREAM_CA_FILE && readFileSync(settings.GATEWAY_UPSTREAM_CA_FILE);
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, ...(ca ? { ca } : {}) })
    : new HttpAgent({ keepAlive: true });
  const send = isTls ? httpsRequest : httpRequest;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const headers = endToEnd(request.headers);
    headers['x-forwarded-for'] = request.ip;
    headers['x-forwarded-proto'] = 'https';
    headers['x-request-id'] = request.id;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const { method, url: path } = request;
      const outgoing = send(upstream, { agent, method, path, headers, timeout }, resolve);
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
      outgoing.on('error', reject);
      const body = request.body as Readable | undefined;
      if (body) body.pipe(outgoing);
      else outgoing.end();
    }).catch((error: Error) => {
      request.log.warn({ err: error }, 'the upstream does not answer');
      throw new Problem(502, 'Bad Gateway', { detail: 'The service behind the gateway does not answer' });
    });
    // The fields of the limits stay the gateway's own.
    for (const [name, value] of Object.entries(endToEnd(answer.headers)))
      if (value !== undefined && !/^(x-)?ratelimit/.test(name)) reply.header(name, value);
    if (isDraining()) reply.header('connection', 'close');
    return reply.code(answer.statusCode ?? 502).send(answer);
  };
}

/** Returns the fields of a message without those of its connection. */
function endToEnd(headers: IncomingMessage['headers']): Record<string, string | string[] | undefined> {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !named.has(name)),
  );
}
