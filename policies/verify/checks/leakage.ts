import { randomBytes } from 'node:crypto';
import { hostHeader, notAProblem, send } from '../client.ts';
import type { Check, Outcome } from '../types.ts';

/** What answers tell that they should not, and requests that must not be understood in two ways. */

const marker = `canary${randomBytes(6).toString('hex')}`;
const telling =
  /(node_modules|\bat [\w.<>]+ \(|\.ts:\d+|stack|ECONN|ioredis|fastify|redis:\/\/|rediss:\/\/|ERR_[A-Z])/i;

export const leakageChecks: readonly Check[] = [
  {
    id: 'leakage-no-echo',
    group: 'leakage',
    expected: 'errors repeat nothing of the request: no path, query, header or body',
    remedy: 'Write fixed texts and the request’s id into problem documents.',
    references: ['ASVS 16.5.1', 'ASVS 14.2.1'],
    async run({ target }) {
      const tries = {
        path: { path: `/${marker}` },
        query: { path: `/nothing?token=${marker}` },
        header: { path: '/nothing', headers: { 'x-test': marker, authorization: `Bearer ${marker}` } },
        body: {
          method: 'POST',
          path: '/api/v1/auth/login',
          body: `{"email":"${marker}@example.com","password":"${marker}-password"}`,
        },
        'bad body': { method: 'POST', path: '/api/v1/auth/login', body: `{"${marker}` },
        'bad method': { method: 'PROPFIND', path: `/api/v1/cases?${marker}` },
      };
      const wrong: string[] = [];
      for (const [name, request] of Object.entries(tries)) {
        const answer = await send(target, request);
        if (`${answer.body}${[...answer.headers.values()].join()}`.includes(marker)) wrong.push(name);
      }
      return verdict(wrong, 'nothing repeated');
    },
  },
  {
    id: 'leakage-no-internals',
    group: 'leakage',
    expected: 'no stack, file name, module or store in any error, and never a 5xx',
    remedy: 'Render errors by the one handler, 5xx with a generic text.',
    references: ['ASVS 16.5.1', 'ASVS 13.4.6', 'API8'],
    async run({ target, behindEdge }) {
      const wrong: string[] = [];
      const all = behindEdge ? strange : { ...strange, ...refusedByEdges };
      for (const [name, request] of Object.entries(all)) {
        const answer = await send(target, request);
        const told = telling.exec(answer.body)?.[0];
        if (answer.status >= 500) wrong.push(`${name}: ${answer.status}`);
        else if (told !== undefined) wrong.push(`${name}: tells ${told}`);
      }
      return verdict(wrong, `${Object.keys(strange).length} odd requests, nothing told`);
    },
  },
  {
    id: 'leakage-problem-documents',
    group: 'leakage',
    expected: 'every error is application/problem+json with the request’s id',
    remedy: 'Use Problem for every non-2xx answer.',
    references: ['ASVS 16.5.1', 'RFC 9457'],
    async run({ target, behindEdge }) {
      const wrong: string[] = [];
      const all = behindEdge ? strange : { ...strange, ...refusedByEdges };
      for (const [name, request] of Object.entries(all)) {
        const answer = await send(target, request);
        const problem = answer.status >= 400 ? notAProblem(answer) : null;
        if (problem) wrong.push(`${name}: ${answer.status} ${problem}`);
        else if (answer.status >= 400 && !/"instance":"/.test(answer.body))
          wrong.push(`${name}: no instance`);
      }
      return verdict(wrong, 'all');
    },
  },
  {
    id: 'leakage-framing',
    group: 'leakage',
    expected: 'every ambiguous request: exactly one answer, a client error, and the connection closed',
    remedy:
      'Refuse duplicate Host, Authorization and Content-Type, absolute targets, and Transfer-Encoding on HTTP/1.0.',
    references: ['ASVS 4.2.1', 'ASVS 4.2.2', 'RFC 9112'],
    needs: ['direct'],
    async run({ target }) {
      const wrong: string[] = [];
      for (const [name, raw] of Object.entries(framings(hostHeader(target)))) {
        const answer = await send(target, { raw, timeoutMs: 4_000 });
        if (answer.answers !== 1 || answer.status < 400 || (answer.status >= 500 && answer.status !== 501))
          wrong.push(`${name}: ${answer.answers} answers, ${answer.status}`);
      }
      return verdict(wrong, `${Object.keys(framings('')).length} refused with one answer`);
    },
  },
  {
    id: 'leakage-content-types',
    group: 'leakage',
    expected: 'bodies that are not plain application/json: 415, and never understood',
    remedy: 'Remove the text/plain parser and check the type exactly.',
    references: ['ASVS 4.1.1', 'ASVS 2.2.1'],
    async run(context) {
      const session = await context.session('caseworker');
      const wrong: string[] = [];
      for (const type of contentTypes) {
        const answer = await session.send({
          method: 'POST',
          path: '/api/v1/cases',
          headers: { 'content-type': type },
          // Were it understood, it would still be refused, but with 400 and the name of a field.
          body: '{"title":""}',
        });
        if (answer.status !== 415) wrong.push(`${type}: ${answer.status}`);
      }
      return verdict(wrong, `${contentTypes.length} refused`);
    },
  },
];

/** Types that are not JSON, or only look like it. */
export const contentTypes = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/xml',
  'application/json garbage',
  'application/jsonp',
  'application/json/x',
  'text/json',
] as const;

const strange = {
  'bytes that are no text': { path: '/%E0%A4' },
  'long path': { path: `/${'a'.repeat(4_000)}` },
  'long id': { path: `/api/v1/cases/${'a'.repeat(300)}` },
  traversal: { path: '/../../etc/passwd' },
  'encoded traversal': { path: '/%2e%2e/%2e%2e/etc/passwd' },
  'null byte': { path: '/api/v1/cases/%00' },
  'odd query': { path: '/api/v1/cases?limit[]=1&limit[$gt]=1&__proto__[x]=1' },
  'SQL text': { path: `/api/v1/cases/${encodeURIComponent("' OR 1=1 --")}` },
  'CR LF': { path: '/nothing%0d%0aset-cookie:x=y' },
  'deep JSON': {
    method: 'POST',
    path: '/api/v1/auth/refresh',
    body: `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  },
  'lone surrogate': {
    method: 'POST',
    path: '/api/v1/auth/refresh',
    body: '{"refreshToken":"\\ud800@example.com","password":"\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800\\ud800"}',
  },
  'unknown method': { method: 'PROPFIND', path: '/api/v1/cases' },
  'two hosts in Origin': { path: '/nothing', headers: { origin: 'https://a https://b' } },
} as const;

/** What an edge of its own answers before the service sees it. */
const refusedByEdges = { 'bad encoding': { path: '/%E0%A4%A' } } as const;

/** Requests that two servers could read differently; each must bring exactly one refusal. */
export function framings(host: string): Readonly<Record<string, string>> {
  const get = (lines: string, body = '', version = '1.1'): string =>
    `GET /health HTTP/${version}\r\n${lines}\r\n\r\n${body}`;
  const post = (lines: string, body: string): string =>
    `POST /api/v1/auth/login HTTP/1.1\r\n${lines}\r\n\r\n${body}`;
  const smuggled = `GET /health HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  return {
    'TE and CL': post(
      `Host: ${host}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked`,
      `0\r\n\r\n${smuggled}`,
    ),
    'CL twice': post(`Host: ${host}\r\nContent-Length: 2\r\nContent-Length: 5`, '{}'),
    'CL list': post(`Host: ${host}\r\nContent-Length: 2, 2`, '{}'),
    'CL negative': post(`Host: ${host}\r\nContent-Length: -1`, '{}'),
    'TE xchunked': post(
      `Host: ${host}\r\nContent-Type: application/json\r\nTransfer-Encoding: xchunked`,
      `0\r\n\r\n${smuggled}`,
    ),
    'TE chunked, identity': post(`Host: ${host}\r\nTransfer-Encoding: chunked, identity`, '0\r\n\r\n'),
    'TE gzip': post(`Host: ${host}\r\nTransfer-Encoding: gzip`, '0\r\n\r\n'),
    'LF only': `GET /health HTTP/1.1\nHost: ${host}\n\n`,
    'space before colon': get(`Host: ${host}\r\nX-A : b`),
    'folded header': get(`Host: ${host}\r\nX-A: b\r\n c`),
    'control byte': get(`Host: ${host}\r\nX-A: b\x01c`),
    'no Host': get('X-A: b'),
    'two Hosts': get(`Host: ${host}\r\nHost: attacker.example`),
    'absolute target': `GET http://attacker.example/health HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    'chunked on HTTP/1.0': `POST /api/v1/auth/login HTTP/1.0\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'two Authorization': get(`Host: ${host}\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b`),
    'two Content-Types': post(
      `Host: ${host}\r\nContent-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 2`,
      '{}',
    ),
  };
}

function verdict(wrong: readonly string[], fine: string): Outcome {
  return { ok: wrong.length === 0, observed: wrong.slice(0, 6).join('; ') || fine };
}
