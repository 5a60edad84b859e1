import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify';
import { securityHeaders } from '../../contract/response-headers.ts';
import { NoSubject } from '../../limiter/index.ts';
import { isStoreFailure } from '../redis/client.ts';
import { emit } from '../telemetry/events.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { badRequest, type FieldError, Problem, problemType, unavailable } from './problem.ts';

/** The maximum number of refused fields that one answer names. */
const maxFieldErrors = 20;

/** Renders any error as a problem document; nothing of an unexpected error but its place in the log leaves the process. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = toProblem(error);
  if (problem.status >= 500 && !(error instanceof Problem)) {
    emit(request.log, 'request_failed', { err: error, status: problem.status });
  }
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .header('content-type', problemType)
    .send(JSON.stringify({ ...problem.body, instance: request.id }));
}

/** Returns the problem that a thrown error means to the client. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof NoSubject)
    return new Problem(400, 'Bad Request', { detail: 'The address of the client is not known' });
  if (isStoreFailure(error))
    return unavailable('The store does not answer; nothing was lost that was acknowledged', 1);
  if ((error as Partial<FastifyError> | undefined)?.code === 'FST_ERR_HANDLER_TIMEOUT')
    return unavailable('The answer took too long', 1);
  const { statusCode = 500, code, validation, validationContext } = (error ?? {}) as Partial<FastifyError>;
  if (validation) return badRequest(toFieldErrors(validation, validationContext));
  const known = code === undefined ? undefined : frameworkProblems[code];
  if (known) return new Problem(known.status, known.title, { detail: known.detail });
  if (statusCode >= 400 && statusCode < 500) return new Problem(statusCode, 'Bad Request');
  return new Problem(500, 'Internal Server Error', {
    detail: 'The error was logged under the instance given here',
  });
}

/** Fastify's own refusals, reworded: its texts echo what the client sent. */
const frameworkProblems: Readonly<Record<string, { status: number; title: string; detail: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    title: 'Unsupported Media Type',
    detail: 'Send application/json',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    title: 'Content Too Large',
    detail: 'The body is larger than this route takes',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    status: 400,
    title: 'Bad Request',
    detail: 'The body is empty, and JSON was announced',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, title: 'Bad Request', detail: 'The body is not JSON' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    title: 'Bad Request',
    detail: 'Content-Length does not match the body',
  },
  FST_ERR_BAD_URL: { status: 400, title: 'Bad Request', detail: 'The URL is not well formed' },
  FST_ERR_MAX_PARAM_LENGTH: {
    status: 414,
    title: 'URI Too Long',
    detail: 'A path segment is longer than 100 characters',
  },
};

function toFieldErrors(validation: FastifySchemaValidationError[], context = 'body'): FieldError[] {
  return joinAlternatives(validation)
    .slice(0, maxFieldErrors)
    .map(({ instancePath, params, message, keyword }) => {
      const member = params.missingProperty ?? params.additionalProperty;
      const path = member === undefined ? instancePath : `${instancePath}/${String(member)}`;
      return {
        field: context === 'body' ? path || '/' : path.slice(1) || context,
        message:
          keyword === 'required'
            ? 'is missing'
            : keyword === 'additionalProperties'
              ? 'is not known'
              : (message ?? 'is not valid'),
      };
    });
}

/** "At least one of these": the members that each alternative misses are one error, not one each and another for all. */
function joinAlternatives(
  validation: readonly FastifySchemaValidationError[],
): readonly FastifySchemaValidationError[] {
  const joined = validation.filter(({ keyword }) => keyword === 'anyOf');
  return joined.reduce<readonly FastifySchemaValidationError[]>((left, one) => {
    const alternatives = left.filter(({ schemaPath }) => schemaPath.startsWith(`${one.schemaPath}/`));
    if (!alternatives.every(({ keyword }) => keyword === 'required')) return left;
    const names = alternatives.map(({ params }) => String(params.missingProperty));
    const message = `must have at least one of ${names.join(', ')}`;
    return left.flatMap((other) =>
      other === one ? [{ ...one, message }] : alternatives.includes(other) ? [] : [other],
    );
  }, validation);
}

const rawProblems = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
} as const;

/**
 * Answers what never became a request: broken framing, oversized headers, slow senders. Node would close without a
 * word or with an answer that carries none of the security headers.
 * @param latestOf returns the answer to the last request that was read from a socket
 */
export function clientErrorHandler(
  metrics: Metrics,
  latestOf: (socket: Socket) => ServerResponse | undefined,
) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    const latest = latestOf(socket);
    // The request that broke was answered before its end: a second answer would be taken for that of the next request.
    const answered = latest?.headersSent === true && !latest.req.complete;
    // To a peer that never finished its handshake nothing can be written: the answer would wait for ever.
    const unfinished = socket instanceof TLSSocket && socket.getPeerFinished() === undefined;
    if (error.code === 'ECONNRESET' || !socket.writable || unfinished || answered) {
      socket.destroy();
      return;
    }
    const [status, title] =
      rawProblems[error.code as keyof typeof rawProblems] ?? ([400, 'Bad Request'] as const);
    metrics.http_client_errors_total.inc({ code: `${status}` });
    const refuse = () =>
      socket.end(rawAnswer(status, title, socket instanceof TLSSocket), () => socket.destroy());
    // A complete request before the broken one is still being answered: its answer comes first.
    if (latest?.req.complete && !latest.writableFinished) latest.once('close', refuse);
    else refuse();
  };
}

/** Answers an `Expect` header that means nothing to us, where Node would without our headers. */
export function expectationHandler({ socket }: IncomingMessage): void {
  socket.end(rawAnswer(417, 'Expectation Failed', socket instanceof TLSSocket));
}

function rawAnswer(status: number, title: string, tls: boolean): string {
  const instance = randomUUID();
  const body = JSON.stringify({ type: 'about:blank', title, status, instance });
  const headers = {
    ...securityHeaders(tls),
    'x-request-id': instance,
    'content-type': problemType,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}
