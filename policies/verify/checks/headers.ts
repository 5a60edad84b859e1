import { type Check, type Context, type Outcome, verdict } from '../check.ts';
import {
  type Answer,
  CouldNotCheck,
  hostHeader,
  notAProblem,
  open,
  parseAnswers,
  type Request,
  send,
} from '../client.ts';
import { headerFindings } from '../expected.ts';
import { withToken } from '../run.ts';

/** A request and the status that it must bring about. */
interface Provocation {
  readonly status: number;
  /** Answered by the server before the service's own code: an edge answers it itself. */
  readonly raw?: true;
  request(context: Context): Promise<Request> | Request;
}

const json = { 'content-type': 'application/json' };
const cases = '/api/v1/cases';

async function as(context: Context, who: 'reader' | 'caseworker', request: Request): Promise<Request> {
  return withToken(request, (await context.session(who)).accessToken);
}

/** One request per status and code path; the check of the limiter judges 429. */
const provocations: Readonly<Record<string, Provocation>> = {
  ok: { status: 200, request: () => ({ path: '/' }) },
  health: { status: 200, request: () => ({ path: '/health' }) },
  head: { status: 200, request: () => ({ method: 'HEAD', path: '/health' }) },
  jwks: { status: 200, request: () => ({ path: '/.well-known/jwks.json' }) },
  authenticated: {
    status: 200,
    request: (context) => as(context, 'caseworker', { path: '/api/v1/auth/me' }),
  },
  'bad-json': {
    status: 400,
    request: (context) =>
      as(context, 'caseworker', { method: 'POST', path: cases, headers: json, body: '{' }),
  },
  // The percent-encoding is well formed, and its bytes are no UTF-8: an edge passes it on.
  'bad-url': { status: 400, request: () => ({ path: '/%E0%A4' }) },
  'bad-framing': {
    status: 400,
    raw: true,
    request: ({ target }) => ({ raw: `GET / HTTP/1.1\r\nHost: ${hostHeader(target)}\r\nX y: z\r\n\r\n` }),
  },
  unauthorised: { status: 401, request: () => ({ path: cases }) },
  forbidden: { status: 403, request: (context) => as(context, 'reader', { path: '/api/v1/users' }) },
  'not-found': { status: 404, request: () => ({ path: '/nothing-here' }) },
  'wrong-method': { status: 405, request: () => ({ method: 'PUT', path: cases }) },
  'too-large': {
    status: 413,
    request: (context) =>
      as(context, 'caseworker', {
        method: 'POST',
        path: cases,
        headers: json,
        // More than the service takes and less than the edge does, whose own answer is no problem document.
        body: JSON.stringify({ title: 'a'.repeat(100_000) }),
      }),
  },
  'wrong-type': {
    status: 415,
    request: (context) =>
      as(context, 'caseworker', {
        method: 'POST',
        path: cases,
        headers: { 'content-type': 'text/plain' },
        body: 'x',
      }),
  },
  'large-header': {
    status: 431,
    raw: true,
    request: () => ({ path: '/', headers: { 'x-large': 'a'.repeat(70_000) } }),
  },
};

const remedy = 'Send the security headers on every answer, client errors and framework errors included.';

export const headerChecks: readonly Check[] = [
  ...Object.entries(provocations).map(
    ([name, provocation]): Check => ({
      id: `headers-${name}`,
      group: 'headers',
      control: 'HDR-1',
      expected: `${provocation.status} with every security header, and a problem document if it is an error`,
      remedy,
      ...(provocation.raw ? { needs: ['direct'] as const } : {}),
      run: async (context) =>
        judge(
          await context.send(await provocation.request(context)),
          provocation.status,
          context,
          name !== 'head',
        ),
    }),
  ),
  slow('headers-slow-request', 'the request’s headers', ''),
  slow(
    'headers-slow-body',
    'the request’s body',
    'Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n{"refreshToken":"',
  ),
  {
    id: 'headers-plain-no-hsts',
    group: 'headers',
    control: 'HDR-2',
    expected: 'no Strict-Transport-Security over plain HTTP, and every other security header',
    remedy: 'Send HSTS over TLS only (RFC 6797 section 7.2).',
    needs: ['plain'],
    async run({ plain, profile, origin }) {
      if (!plain) throw new CouldNotCheck('no plain listener');
      const answer = await send(plain, { path: '/' });
      return verdict(headerFindings(answer, { profile, origin, tls: false }), 'none');
    },
  },
  {
    id: 'headers-no-version',
    group: 'headers',
    control: 'HDR-3',
    expected:
      'no Server, X-Powered-By, Via or other header that names the software, on any answer of this run',
    remedy: 'Remove the headers that name the software.',
    async run(context) {
      for (const path of ['/', '/nothing-here']) await context.send({ path });
      const found = context.recorded.flatMap(({ headers }) =>
        headers.filter((one) => /^(server|x-powered-by|via|x-generator|x-runtime|x-aspnet)/.test(one)),
      );
      return verdict([...new Set(found)], 'none');
    },
  },
];

/** The last check: the answers of all others, with the statuses that no single check provokes. */
export const everyAnswerCheck: Check = {
  id: 'headers-every-answer',
  group: 'headers',
  control: 'HDR-1',
  expected: 'every answer of this run carries every security header: 201, 204, 412, 429 and preflights too',
  remedy,
  async run(context) {
    const preflight = { origin: 'https://attacker.example', 'access-control-request-method': 'POST' };
    await context.send({ method: 'OPTIONS', path: cases, headers: preflight });
    await context.send({ method: 'OPTIONS', path: '*' });
    const wrong = context.recorded.flatMap(({ title, status, headers }) =>
      headers.length === 0 || (context.behindEdge && [400, 404, 408, 413, 431, 502].includes(status))
        ? []
        : [`${title} ${status}: ${headers.join(', ')}`],
    );
    const statuses = [...new Set(context.recorded.map(({ status }) => status))].sort();
    return verdict(
      [...new Set(wrong)],
      `${context.recorded.length} answers of status ${statuses.join(', ')}`,
    );
  },
};

function slow(id: string, late: string, rest: string): Check {
  return {
    id,
    group: 'headers',
    control: 'INP-4',
    expected: `408 with every security header within 30 s when ${late} does not arrive`,
    remedy:
      'Set headersTimeout, requestTimeout and connectionsCheckingInterval, and answer in clientErrorHandler.',
    needs: ['direct'],
    slow: true,
    async run(context) {
      const socket = await open(context.target);
      const text = await new Promise<string>((resolve) => {
        const chunks: Buffer[] = [];
        const end = (): void => resolve(Buffer.concat(chunks).toString('latin1'));
        socket.setTimeout(0);
        const timer = setTimeout(() => socket.destroy(), 30_000);
        socket.removeAllListeners('error');
        socket
          .on('data', (chunk) => chunks.push(chunk))
          .once('error', end)
          .once('close', () => {
            clearTimeout(timer);
            end();
          });
        const line = rest === '' ? 'GET / HTTP/1.1' : 'POST /api/v1/auth/refresh HTTP/1.1';
        socket.write(`${line}\r\nHost: ${hostHeader(context.target)}\r\n${rest || 'X-Slow:'}`);
      });
      const answer = parseAnswers(text)[0];
      if (answer) return judge({ ...answer, answers: 1 }, 408, context, true);
      return {
        ok: false,
        observed: text
          ? 'no HTTP answer'
          : 'the connection ended, or stayed open for 30 s, without an answer',
      };
    },
  };
}

/** Judges the status, every header, and the problem document of an error. */
export function judge(
  answer: Answer,
  status: number,
  { profile, target, origin }: Pick<Context, 'profile' | 'target' | 'origin'>,
  hasBody: boolean,
): Outcome {
  const problem = hasBody && answer.status >= 400 ? notAProblem(answer) : null;
  return verdict(
    [
      ...(answer.status === status ? [] : [`status ${answer.status}`]),
      ...headerFindings(answer, { profile, tls: target.tls, origin }),
      ...(problem ? [problem] : []),
    ],
    `${answer.status}, all headers`,
  );
}
