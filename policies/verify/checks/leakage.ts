import { randomBytes, randomUUID } from 'node:crypto';
import { type Check, verdict } from '../check.ts';
import { exchange, hostHeader, open, parseJson, type Request } from '../client.ts';

const marker = `canary${randomBytes(6).toString('hex')}`;
const cases = '/api/v1/cases';

export const leakageChecks: readonly Check[] = [
  {
    id: 'leakage-no-echo',
    group: 'leakage',
    control: 'INP-3',
    expected: 'errors repeat nothing of the request: no path, query, header, host or body',
    remedy: 'Write fixed texts and the request’s id into problem documents.',
    async run({ send }) {
      const tries: Readonly<Record<string, Request>> = {
        path: { path: `/${marker}` },
        query: { path: `/nothing?token=${marker}` },
        header: { path: '/nothing', headers: { 'x-test': marker, authorization: `Bearer ${marker}` } },
        host: { path: '/nothing', headers: { host: `${marker}.example`, 'x-forwarded-host': marker } },
        body: {
          method: 'POST',
          path: '/api/v1/auth/login',
          body: `{"email":"${marker}@example.com","password":"${marker}-password"}`,
        },
        'bad body': { method: 'POST', path: '/api/v1/auth/refresh', body: `{"${marker}` },
        'bad field': {
          method: 'POST',
          path: '/api/v1/auth/refresh',
          body: `{"refreshToken":{"a":"${marker}"}}`,
        },
        'bad method': { method: 'PROPFIND', path: `${cases}?${marker}` },
      };
      const wrong: string[] = [];
      for (const [name, request] of Object.entries(tries)) {
        const answer = await send(request);
        if (`${answer.body}${[...answer.headers.values()].join()}`.includes(marker)) wrong.push(name);
      }
      return verdict(wrong, 'nothing repeated');
    },
  },
  {
    id: 'leakage-framing',
    group: 'leakage',
    control: 'INP-1',
    expected: 'every ambiguous request: exactly one answer, a client error, and the connection closed',
    remedy:
      'Refuse duplicate Host, Authorization and Content-Type, absolute targets, and Transfer-Encoding on HTTP/1.0.',
    needs: ['direct'],
    async run({ send, target }) {
      const wrong: string[] = [];
      const all = Object.entries(framings(hostHeader(target)));
      for (const [name, raw] of all) {
        const answer = await send({ raw, path: `(${name})`, timeoutMs: 4_000 });
        if (answer.answers !== 1 || answer.status < 400 || (answer.status >= 500 && answer.status !== 501))
          wrong.push(`${name}: ${answer.answers} answers, ${answer.status}`);
      }
      return verdict(wrong, `${all.length} refused with one answer`);
    },
  },
  {
    id: 'leakage-content-types',
    group: 'leakage',
    control: 'INP-2',
    expected: 'bodies that are not plain application/json, or are compressed: 415, and never parsed',
    remedy: 'Remove the text/plain parser and check the type exactly.',
    async run(context) {
      const session = await context.session('caseworker');
      const wrong: string[] = [];
      for (const type of contentTypes) {
        // The empty title makes sure that nothing is created where the type is accepted.
        const request = {
          method: 'POST',
          path: cases,
          headers: { 'content-type': type },
          body: '{"title":""}',
        };
        const { status } = await session.send(request);
        if (status !== 415) wrong.push(`${type}: ${status}`);
      }
      const gzip = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
      const { status } = await session.send({
        method: 'POST',
        path: cases,
        headers: gzip,
        body: '{"title":""}',
      });
      if (status !== 415) wrong.push(`Content-Encoding gzip: ${status}`);
      return verdict(wrong, `${contentTypes.length + 1} refused`);
    },
  },
  {
    id: 'leakage-bounds',
    group: 'leakage',
    control: 'INP-2',
    expected:
      '400 or 413 that names the field for texts, numbers and lists beyond their bounds, and for JSON that is none',
    remedy: 'Give every string, number and list of a schema its bounds, and refuse what does not parse.',
    async run(context) {
      const session = await context.session('caseworker');
      const wrong: string[] = [];
      for (const [name, request] of Object.entries(beyondBounds)) {
        const answer = await session.send(request);
        if (answer.status !== 400 && answer.status !== 413) wrong.push(`${name}: ${answer.status}`);
        // Were it created all the same, it is not left behind.
        const id = answer.status === 201 ? parseJson(answer)?.id : undefined;
        if (typeof id === 'string') await session.send({ method: 'DELETE', path: `${cases}/${id}` });
      }
      return verdict(wrong, `${Object.keys(beyondBounds).length} refused`);
    },
  },
  {
    id: 'leakage-expect',
    group: 'leakage',
    control: 'INP-2',
    expected: 'a request with Expect: 100-continue that will be refused gets the refusal, not 100 first',
    remedy: 'Decide on headers and limits before the body is asked for.',
    needs: ['direct'],
    async run({ target }) {
      const head = `POST ${cases} HTTP/1.1\r\nHost: ${hostHeader(target)}\r\nConnection: close\r\nContent-Type: application/json`;
      const wrong: string[] = [];
      for (const [name, lines] of Object.entries({
        'no token': 'Content-Length: 20',
        'too large': 'Content-Length: 100000000',
      })) {
        const socket = await open(target);
        const text = await exchange(socket, `${head}\r\n${lines}\r\nExpect: 100-continue\r\n\r\n`, 3_000);
        if (!/^HTTP\/1\.1 (401|413|417)/.test(text)) wrong.push(`${name}: ${text.slice(0, 24).trim()}`);
      }
      return verdict(wrong, 'refused first');
    },
  },
];

/** The last check: the errors of all others. */
export const everyErrorChecks: readonly Check[] = [
  {
    id: 'leakage-no-internals',
    group: 'leakage',
    control: 'INP-3',
    expected: 'no stack, file name, module or address in any error of this run, and never a 5xx',
    remedy: 'Render errors by the one handler, 5xx with a generic text.',
    run: (context) => judgeErrors(context, (finding) => /^(is answered|reveals)/.test(finding)),
  },
  {
    id: 'leakage-problem-documents',
    group: 'leakage',
    control: 'INP-3',
    expected: 'every error of this run is application/problem+json with the request’s id',
    remedy: 'Use Problem for every answer that is no success.',
    run: (context) => judgeErrors(context, (finding) => !/^(is answered|reveals)/.test(finding)),
  },
];

async function judgeErrors(
  { send, recorded, behindEdge }: Parameters<Check['run']>[0],
  isMeant: (finding: string) => boolean,
) {
  const all: Readonly<Record<string, Request>> = behindEdge
    ? strange
    : { ...strange, 'bad encoding': { path: '/%E0%A4%A' } };
  if (!recorded.some(({ title }) => title.startsWith('PROPFIND /strange')))
    for (const request of Object.values(all)) await send(request);
  const wrong = recorded.flatMap(({ title, status, errors }) =>
    errors.filter(isMeant).map((finding) => `${title} ${status}: ${finding}`),
  );
  const errors = recorded.filter(({ status }) => status >= 400).length;
  return verdict([...new Set(wrong)], `${errors} errors`);
}

/** Content types that are not JSON, or only resemble it. */
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

const create = (fields: object): Request => ({ method: 'POST', path: cases, body: JSON.stringify(fields) });
const text = (body: string): Request => ({ method: 'POST', path: cases, body });
const list = (query: string): Request => ({ path: `${cases}?${query}` });
const search = (fields: object): Request => ({
  method: 'POST',
  path: `${cases}/search`,
  body: JSON.stringify(fields),
});

/** An operation that would change nothing: its case does not exist. */
const sync = (queuedAt: string): Request => {
  const [operationId, caseId] = [randomUUID(), 'A'.repeat(22)];
  const operation = { operationId, kind: 'delete', caseId, version: 1, queuedAt };
  return { method: 'POST', path: '/api/v1/sync', body: JSON.stringify({ operations: [operation] }) };
};

const beyondBounds: Readonly<Record<string, Request>> = {
  'title of 201 characters': create({ title: 'a'.repeat(201) }),
  'title of 60 kB': create({ title: 'a'.repeat(60_000) }),
  'title that is a number': create({ title: 1 }),
  'description of 10,001 characters': create({ title: 'a', description: 'a'.repeat(10_001) }),
  'status that does not exist': create({ title: 'a', status: 'none' }),
  prototype: text('{"title":"a","__proto__":{"role":"admin"}}'),
  constructor: text('{"title":"a","constructor":{"prototype":{"role":"admin"}}}'),
  'JSON with a trailing comma': text('{"title":"a",}'),
  'two JSON values': text('{"title":"a"}{"title":"b"}'),
  'list for an object': text('[{"title":"a"}]'),
  'limit 101': list('limit=101'),
  'limit 0': list('limit=0'),
  'limit 1e9': list('limit=1000000000'),
  'cursor that was never issued': list('cursor=%00'),
  'unknown query': list('debug=true'),
  'search text of 101 characters': search({ text: 'a'.repeat(101) }),
  'search without text': search({ text: '' }),
  'leap second in a queue': sync('2016-12-31T23:59:60Z'),
  'offset without minutes in a queue': sync('2026-01-01T10:00:00+02'),
  'operator for a search text': search({ text: { $ne: null } }),
};

const refreshWith = (body: string): Request => ({ method: 'POST', path: '/api/v1/auth/refresh', body });

const strange: Readonly<Record<string, Request>> = {
  'unknown method': { method: 'PROPFIND', path: '/strange' },
  'bytes that are no UTF-8': { path: '/%E0%A4' },
  'long path': { path: `/${'a'.repeat(4_000)}` },
  'long id': { path: `${cases}/${'a'.repeat(300)}` },
  traversal: { path: '/../../etc/passwd' },
  'encoded traversal': { path: '/%2e%2e/%2e%2e/etc/passwd' },
  'null byte': { path: `${cases}/%00` },
  'odd query': { path: `${cases}?limit[]=1&limit[$gt]=1&__proto__[x]=1` },
  'SQL text': { path: `${cases}/${encodeURIComponent("' OR 1=1 --")}` },
  'CR LF': { path: '/nothing%0d%0aset-cookie:x=y' },
  'deep JSON': refreshWith(`${'['.repeat(2_000)}${']'.repeat(2_000)}`),
  'lone surrogate': refreshWith('{"refreshToken":"\\ud800@example.com"}'),
  'combining marks': refreshWith(JSON.stringify({ refreshToken: `a${'\u0301\u0323'.repeat(600)}` })),
  'two hosts in Origin': { path: '/nothing', headers: { origin: 'https://a https://b' } },
};

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
