import { baseHeaders, hsts } from '../../../contract/response-headers.ts';
import { type Answer, hostHeader, notAProblem, open, parseAnswers, type Request, send } from '../client.ts';
import type { Check, Context, Outcome } from '../types.ts';
import { CouldNotCheck } from '../types.ts';

/** Security headers on every status that the service can be brought to answer with. */

/** A request and the status it must bring about. */
interface Provocation {
  readonly status: number;
  /** Answered before the service's own code: an edge of its own answers for itself. */
  readonly raw?: true;
  request(context: Context): Promise<Request> | Request;
}

const json = { 'content-type': 'application/json' };
const cases = '/api/v1/cases';

async function as(context: Context, who: 'reader' | 'caseworker', request: Request): Promise<Request> {
  const { accessToken } = await context.session(who);
  return {
    ...request,
    headers: { ...request.headers, authorization: `Bearer ${accessToken}` } as Record<string, string>,
  };
}

/** The statuses of the sweep; 429 is the limiter's own check, 503 and 500 need a fault inside. */
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
  // Percent-encoding that is well formed, of bytes that are no text: an edge passes it on.
  'bad-url': { status: 400, request: () => ({ path: '/%E0%A4' }) },
  'bad-framing': {
    status: 400,
    raw: true,
    request: ({ target }) => ({ raw: `GET / HTTP/1.1\r\nHost: ${hostHeader(target)}\r\nX y: z\r\n\r\n` }),
  },
  unauthorised: { status: 401, request: () => ({ path: '/api/v1/cases' }) },
  forbidden: { status: 403, request: (context) => as(context, 'reader', { path: '/api/v1/users' }) },
  'not-found': { status: 404, request: () => ({ path: '/nothing-here' }) },
  'wrong-method': { status: 405, request: () => ({ method: 'PUT', path: '/api/v1/cases' }) },
  'too-large': {
    status: 413,
    request: (context) =>
      as(context, 'caseworker', {
        method: 'POST',
        path: cases,
        headers: json,
        // More than the service takes, less than the edge does, whose own answer is no problem document.
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

export const headerChecks: readonly Check[] = [
  ...Object.entries(provocations).map(
    ([name, provocation]): Check => ({
      id: `headers-${name}`,
      group: 'headers',
      expected: `${provocation.status} with every security header, and a problem document if it is an error`,
      remedy:
        'Send contract/response-headers.ts on every answer, client errors and framework errors included.',
      references: [
        'ASVS 3.4.1',
        'ASVS 3.4.3',
        'ASVS 3.4.4',
        'ASVS 3.4.5',
        'ASVS 3.4.6',
        'ASVS 14.3.2',
        'ASVS 16.5.1',
      ],
      ...(provocation.raw ? { needs: ['direct'] as const } : {}),
      run: async (context) =>
        judge(
          await send(context.target, await provocation.request(context)),
          provocation.status,
          context,
          name !== 'head',
        ),
    }),
  ),
  {
    id: 'headers-slow-request',
    group: 'headers',
    expected: '408 with every security header when the request’s headers do not arrive in time',
    remedy: 'Set headersTimeout and connectionsCheckingInterval, and answer in clientErrorHandler.',
    references: ['ASVS 3.4.1', 'ASVS 13.1.3', 'API4'],
    needs: ['direct'],
    async run(context) {
      const socket = await open(context.target);
      const text = await new Promise<string>((resolve) => {
        const chunks: Buffer[] = [];
        const end = (): void => resolve(Buffer.concat(chunks).toString('latin1'));
        socket.setTimeout(25_000, () => socket.destroy());
        socket.removeAllListeners('error');
        socket
          .on('data', (chunk) => chunks.push(chunk))
          .once('error', end)
          .once('close', end);
        socket.write(`GET / HTTP/1.1\r\nHost: ${hostHeader(context.target)}\r\nX-Slow:`);
      });
      const answer = parseAnswers(text)[0];
      if (!answer)
        return {
          ok: false,
          observed: text
            ? 'no HTTP answer'
            : 'the connection ended, or stayed open for 25 s, without an answer',
        };
      return judge({ ...answer, answers: 1 }, 408, context, true);
    },
  },
  {
    id: 'headers-plain-no-hsts',
    group: 'headers',
    expected: 'no Strict-Transport-Security over plain HTTP',
    remedy: 'Send HSTS over TLS only (RFC 6797 7.2).',
    references: ['ASVS 3.4.1', 'RFC 6797'],
    needs: ['plain'],
    async run({ plain }) {
      if (!plain) throw new CouldNotCheck('no plain listener');
      const { headers } = await send(plain, { path: '/' });
      const sent = headers.get('strict-transport-security');
      return { ok: sent === undefined, observed: sent === undefined ? 'none' : sent };
    },
  },
  {
    id: 'headers-no-version',
    group: 'headers',
    expected: 'no Server, X-Powered-By or Via',
    remedy: 'Remove what names the software.',
    references: ['ASVS 13.4.6'],
    async run({ target }) {
      const { headers } = await send(target, { path: '/' });
      const telling = ['server', 'x-powered-by', 'via', 'x-aspnet-version'].filter((name) =>
        headers.has(name),
      );
      return { ok: telling.length === 0, observed: telling.length === 0 ? 'none' : telling.join(', ') };
    },
  },
];

/** Every header as the checklist has it, and the status and body that were wanted. */
export function judge(
  answer: Answer,
  status: number,
  { profile, target }: Pick<Context, 'profile' | 'target'>,
  body: boolean,
): Outcome {
  const wrong: string[] = answer.status === status ? [] : [`status ${answer.status}`];
  const wanted = {
    ...baseHeaders,
    ...(profile === 'owasp' ? { 'x-xss-protection': '0' } : {}),
    ...(target.tls ? { 'strict-transport-security': hsts } : {}),
  };
  for (const [name, value] of Object.entries(wanted)) {
    const sent = answer.headers.get(name);
    if (sent !== value) wrong.push(`${name}: ${sent ?? 'absent'}`);
  }
  const problem = body && answer.status >= 400 ? notAProblem(answer) : null;
  if (problem) wrong.push(problem);
  if (answer.answers > 1) wrong.push(`${answer.answers} answers to one request`);
  return {
    ok: wrong.length === 0,
    observed: wrong.length === 0 ? `${answer.status}, all headers` : wrong.join('; '),
  };
}
