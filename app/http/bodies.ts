import type { ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { refusesMethod } from './methods.ts';
import { Problem } from './problem.ts';

/** Methods whose body is never read. */
export const withoutBody: ReadonlySet<string> = new Set(['GET', 'HEAD', 'TRACE']);

/** Levels of a JSON body; the deepest schema has three. Two megabytes of brackets took one second to parse. */
const maxDepth = 16;

/**
 * Reads bodies as JSON only, and refuses the others before they are sent.
 *
 * An empty body is no body, even if it has a type: clients send `Content-Type: application/json` with every request.
 * A compressed body is refused, since its length says nothing about what it becomes. `100 Continue` is written when the
 * body is about to be read, so that a request that is refused gets the refusal alone.
 */
export function readJsonBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else if (isDeeperThan(maxDepth, body as string)) done(tooDeep());
    else parseJson(request, body as string, done);
  });

  const waiting = new WeakSet<ServerResponse>();
  app.server.on('checkContinue', (request, response) => {
    waiting.add(response);
    app.server.emit('request', request, response);
  });
  app.addHook('onRequest', ({ headers, method, routeOptions }, _reply, done) => {
    if (withoutBody.has(method) || refusesMethod in routeOptions.config) {
      done();
      return;
    }
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
      throw unsupported('Send the body without Content-Encoding', { 'accept-encoding': 'identity' });
    const expectsBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;
    if (expectsBody && routeOptions.url !== undefined && !app.hasContentTypeParser(mediaType(headers)))
      throw unsupported('Send application/json');
    done();
  });
  app.addHook('preParsing', (_request, reply, payload, done) => {
    if (waiting.delete(reply.raw)) reply.raw.writeContinue();
    done(null, payload);
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // The client may send the body all the same or leave it out: what follows on the connection is not known.
    if (waiting.delete(reply.raw)) reply.header('connection', 'close');
    done(null, payload);
  });
}

/** Returns true if JSON text has more levels of arrays and objects; it reads the text once, up to the first level too many. */
function isDeeperThan(max: number, json: string): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') {
      for (at += 1; at < json.length && json[at] !== '"'; at += 1) if (json[at] === '\\') at += 1;
    } else if (character === '[' || character === '{') {
      depth += 1;
      if (depth > max) return true;
    } else if (character === ']' || character === '}') depth -= 1;
  }
  return false;
}

const tooDeep = (): Problem =>
  new Problem(400, 'Bad Request', { detail: `The body has more than ${maxDepth} levels` });

const mediaType = (headers: { readonly 'content-type'?: string | undefined }): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

const unsupported = (detail: string, headers: Readonly<Record<string, string>> = {}): Problem =>
  new Problem(415, 'Unsupported Media Type', { detail, headers });
