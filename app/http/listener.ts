import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifySchemaCompiler,
  LogController,
} from 'fastify';
import type { Logger } from 'pino';
import { securityHeaders } from '../../contract/response-headers.ts';
import type { ServedCertificate } from '../settings/certificate.ts';
import type { Settings } from '../settings/settings.ts';
import { countRequest } from '../telemetry/http-metrics.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { clientErrorHandler, expectationHandler, sendError } from './errors.ts';
import { assertFraming } from './framing.ts';
import { Problem } from './problem.ts';
import { requestIds } from './request-id.ts';

/** Milliseconds. Headers, then the whole request, must arrive in time, or the sender is cut with 408. */
const headersTimeout = 10_000;
const requestTimeout = 15_000;
/** Milliseconds for the TLS handshake; Node would wait two minutes, and a stop would wait with it. */
const handshakeTimeout = 5_000;
/** Milliseconds without a byte in either direction before a connection is closed. */
const connectionTimeout = 20_000;
/** Milliseconds from the headers to the answer, else 503. Longer than a body may take: its sender is told 408. */
const handlerTimeout = 20_000;
/** Milliseconds. Longer than an edge keeps idle connections, so that it closes them, not we under a request. */
const keepAliveTimeout = 75_000;
/** Bytes; routes that need less say so. */
const bodyLimit = 64 * 1_024;
const maxHeaderSize = 16 * 1_024;

/** Whether the process is ending: then every answer closes its connection, so that the balancer moves on. */
export interface Lifecycle {
  /** Redis was seen and the first accounts exist. */
  booted: boolean;
  draining: boolean;
}

/** What every listener of the process shares. */
export interface ListenerDependencies {
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly lifecycle: Lifecycle;
}

/** How a listener answers what is not a success. */
export interface ListenerAnswers {
  readonly onError?: (error: unknown, request: FastifyRequest, reply: FastifyReply) => unknown;
  /** What is said where no route is. */
  readonly missing?: () => Problem;
}

/**
 * A Fastify instance as all three listeners are: strict framing, strict validation, every answer with the security
 * headers, every error a problem document, slow peers cut.
 * @param certificate without it the listener speaks plain HTTP
 */
export function createListener(
  deps: ListenerDependencies,
  certificate?: ServedCertificate,
  { onError = sendError, missing = notFound }: ListenerAnswers = {},
): FastifyInstance {
  const { settings, metrics, log, lifecycle } = deps;
  const sockets = {
    headersTimeout,
    connectionsCheckingInterval: 1_000,
    maxHeaderSize,
    // Node's own answer has none of our headers; `assertFraming` refuses it instead.
    requireHostHeader: false,
  };
  const answers = new WeakMap<Socket, ServerResponse>();
  const headers = securityHeaders(certificate !== undefined);
  const app = fastify({
    ...(certificate
      ? { https: { ...sockets, handshakeTimeout, ...certificate.options } }
      : { http: sockets }),
    // Fastify's own lines ("Server listening at …") have no event's name: `started` says it. Requests log as we do.
    loggerInstance: log.child({}, { level: 'warn' }),
    childLoggerFactory: (_own, bindings, options) => log.child(bindings, options),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: requestIds(settings.trustedProxies),
    requestIdHeader: false,
    trustProxy: settings.trustedProxies.length > 0 ? [...settings.trustedProxies] : false,
    requestTimeout,
    connectionTimeout,
    handlerTimeout,
    keepAliveTimeout,
    bodyLimit,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // What arrives on an open connection while closing is still answered: nothing is lost.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: clientErrorHandler(metrics, (socket) => {
      const latest = answers.get(socket);
      return latest?.headersSent === true && !latest.req.complete;
    }),
    // Of a broken request line; neither hooks nor decorators are there.
    frameworkErrors: (error, request, reply) => {
      Object.assign(request, { identity: null, rateLimitDecision: null });
      reply.headers(headers).header('x-request-id', request.id);
      reply.raw.once('finish', () => countRequest(metrics, request, reply));
      void onError(error, request as FastifyRequest, reply as unknown as FastifyReply);
    },
  }) as unknown as FastifyInstance;
  app.server.on('checkExpectation', expectationHandler);
  app.decorateRequest('identity', null);
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler((error, request, reply) => {
    // Fastify closes the connection after a body that it refused. The rest, still under way, would meet a closed socket,
    // and the reset that follows can overtake the answer: a proxy then says 502. Node discards it, within `requestTimeout`.
    if (!lifecycle.draining) reply.removeHeader('connection');
    return onError(error, request, reply);
  });
  app.setNotFoundHandler(() => {
    throw missing();
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers).header('x-request-id', request.id);
    answers.set(request.raw.socket, reply.raw);
    if (lifecycle.draining) reply.header('connection', 'close');
    assertFraming(request);
    done();
  });
  return app;
}

// allErrors stays off: a body with a thousand mistakes must not cost a thousand messages (CVE-2020-8192).
const common = { removeAdditional: false, useDefaults: true, allErrors: false, discriminator: true } as const;
const strict = new Ajv({ ...common, coerceTypes: false });
const coercing = new Ajv({ ...common, coerceTypes: true });
for (const ajv of [strict, coercing]) addFormats.default(ajv, ['date-time', 'email', 'uuid', 'uri']);

/** Bodies are JSON and have types, which are not bent; in a URL everything is text, so numbers are read from it. */
const validatorCompiler: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? strict : coercing).compile(schema);

const notFound = (): Problem => new Problem(404, 'Not Found', { detail: 'There is nothing at this address' });
