import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { LabelsOf } from '../../contract/metrics.ts';

/** Seconds after which a missing answer is the service's fault, even if it was the client that gave up. */
const patience = 5;

/** The end of a request: answered, broken off or abandoned. */
export interface Settlement {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly status: LabelsOf<'http_requests_total'>['status'];
  /** HTTP status of the answer; 499 where the client left before it. */
  readonly statusCode: number;
  readonly seconds: number;
}

/**
 * Settles every request once, when its response closes: answered, broken off or abandoned. Everything that is opened
 * for a request is closed in a listener of `app.onSettled`.
 * @param around runs the listeners, for example in the context of the request's trace
 */
export function settleRequests(
  app: FastifyInstance,
  around: (settlement: Settlement, run: () => void) => void = (_settlement, run) => run(),
): void {
  const listeners: ((settlement: Settlement) => void)[] = [];
  app.decorate('onSettled', (listener) => void listeners.push(listener));
  app.decorateRequest('failure', null);
  app.addHook('onRequest', (request, reply, done) => {
    const started = performance.now();
    reply.raw.once('close', () => {
      const settlement = toSettlement(request, reply, (performance.now() - started) / 1_000);
      around(settlement, () => {
        for (const listener of listeners) listener(settlement);
      });
    });
    done();
  });
}

function toSettlement(request: FastifyRequest, reply: FastifyReply, seconds: number): Settlement {
  const { statusCode, headersSent, writableFinished } = reply.raw;
  const settled = { request, reply, seconds };
  if (writableFinished && request.failure === null) {
    return { ...settled, statusCode, status: `${Math.floor(statusCode / 100)}xx` as Settlement['status'] };
  }
  if (request.failure !== null || (!headersSent && seconds >= patience))
    return { ...settled, statusCode: headersSent ? statusCode : 503, status: '5xx' };
  return { ...settled, statusCode: 499, status: 'aborted' };
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Registers a listener for the end of every request. */
    onSettled(listener: (settlement: Settlement) => void): void;
  }
  interface FastifyRequest {
    /** The error that broke an answer after its headers were sent. */
    failure: unknown;
  }
}
