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
import { handlerTimeout, headersTimeout, keepAliveTimeout, requestTimeout } from '../../contract/timeouts.ts';
import type { ServedCertificate } from '../settings/certificate.ts';
import type { Settings } from '../settings/settings.ts';
import { countRefusedLine } from '../telemetry/http-metrics.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { corsHeaders } from './cors.ts';
import { createEdge, normaliseForwardedFor } from './edge.ts';
import { clientErrorHandler, expectationHandler, sendError } from './errors.ts';
import { assertFraming } from './framing.ts';
import { Problem } from './problem.ts';

/** Milliseconds for the TLS handshake; Node would wait two minutes, and a stop would wait with it. */
const handshakeTimeout = 5_000;
/** Milliseconds without a byte in either direction before a connection is closed. */
const connectionTimeout = 20_000;
/** Bytes; routes that need less say so. */
const bodyLimit = 64 * 1_024;
const maxHeaderSize = 16 * 1_024;

/** True while the process drains: every answer then closes its connection, so that clients go to another replica. */
export interface Lifecycle {
  /** Redis was seen and the first accounts exist. */
  booted: boolean;
  draining: boolean;
}

/** The parts that all listeners of the process share. */
export interface ListenerDependencies {
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly lifecycle: Lifecycle;
}

/** The error answers of a listener. */
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
  const cors = corsHeaders(settings.allowedOrigins);
  const edge = createEdge(settings.trustedProxies);
  const app = fastify({
    ...(certificate
      ? { https: { ...sockets, handshakeTimeout, ...certificate.options } }
      : { http: sockets }),
    // Fastify's own lines ("Server listening at …") have no event's name: `started` says it. Requests log as we do.
    loggerInstance: log.child({}, { level: 'warn' }),
    childLoggerFactory: (_own, bindings, options) => log.child(bindings, options),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: edge.requestId,
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
    clientErrorHandler: clientErrorHandler(metrics, (socket) => answers.get(socket)),
    // Handles malformed request lines, for which Fastify runs neither hooks nor decorators.
    frameworkErrors: (error, request, reply) => {
      Object.assign(request, { identity: null, rateLimitDecision: null, failure: null });
      reply.headers(headers).headers(cors(request.headers)).header('x-request-id', request.id);
      reply.raw.once('finish', () => countRefusedLine(metrics, request as FastifyRequest, reply));
      void onError(error, request as FastifyRequest, reply as unknown as FastifyReply);
    },
  }) as unknown as FastifyInstance;
  app.server.on('checkExpectation', expectationHandler);
  app.decorateRequest('identity', null);
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
    reply.headers(headers).headers(cors(request.headers)).header('x-request-id', request.id);
    const forwarded = request.headers['x-forwarded-for'];
    if (typeof forwarded === 'string')
      request.raw.headers['x-forwarded-for'] = normaliseForwardedFor(forwarded);
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
