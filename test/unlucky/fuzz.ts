import { randomBytes, randomInt } from 'node:crypto';
import { connect } from 'node:tls';
import { type TestService, until } from '../support/service.ts';

/** Connections at a time. */
const parallel = 16;

const pick = <T>(values: readonly T[]): T => values[randomInt(values.length)] as T;
const junk = (max: number): string => randomBytes(randomInt(max + 1)).toString('latin1');

const methods = [
  'GET',
  'POST',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PUT',
  'TRACE',
  'QUERY',
  'get',
  'BREW',
  '',
];
const targets = [
  '/',
  '/health',
  '/api/v1/cases',
  '/api/v1/cases/search',
  '/api/v1/cases/export',
  '/api/v1/cases/AAAAAAAAAAAAAAAAAAAAAA',
  '/api/v1/sync',
  '/api/v1/sync/status',
  '/api/v1/auth/login',
  '/api/v1/auth/refresh',
  '/api/v1/auth/logout',
  '/api/v1/users',
  '/%00',
  '/%E0%A4%A',
  '//x/../y',
  'http://x/health',
  '*',
];
const bodies = [
  '',
  '{}',
  '[]',
  'null',
  '{"title":"x"}',
  '{"title":"\\ud800"}',
  '{"email":"a@example.com","password":"x"}',
  '{"text":"a","limit":1e999}',
  '{"__proto__":{"x":1}}',
  `{"operations":[${'{"kind":"create"},'.repeat(20)}{}]}`,
  `{"title":${'['.repeat(5_000)}`,
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `{"title":"${'\u0301'.repeat(199)}"}`,
  '{"remaining":1e300,"operations":[]}',
];
const headers = [
  'Content-Type: application/json',
  'Content-Type: text/plain',
  'Content-Type: application/json; charset=utf-16',
  'Content-Encoding: gzip',
  'Expect: 100-continue',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip',
  'Content-Length: 5',
  'Content-Length: 99999999999',
  'Content-Length: -1',
  'If-Match: "1"',
  'If-Match: *',
  'Range: bytes=0-1',
  'Connection: upgrade',
  'Upgrade: h2c',
  'X-Forwarded-For: 1.2.3.4:5, unknown, [::1]:80',
  'traceparent: 00-0-0-0',
  'Origin: null',
  'Cookie: __Host-refresh=rt1.x.y',
];

/**
 * Sends random and malformed requests over raw connections, signed in for half of them.
 * @returns every expectation that did not hold: an answer of 5xx other than load shedding, a request or socket that stays
 */
export async function fuzz(
  replica: TestService,
  ca: string,
  accessToken: string,
  requests: number,
): Promise<string[]> {
  const failures: string[] = [];
  const statuses = new Map<string, number>();
  let sent = 0;
  let overloads = 0;
  const worker = async () => {
    while (sent < requests) {
      sent += 1;
      const bytes = request(accessToken);
      const text = await exchange(replica.ports.api, ca, bytes);
      for (const answer of text.split(/^(?=HTTP\/1\.1 \d{3} )/m)) {
        const status = answer.slice(9, 12) || 'none';
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (isOverload(answer)) overloads += 1;
        else if (status.startsWith('5') && failures.length < 20)
          failures.push(`${JSON.stringify(answer)} for ${JSON.stringify(bytes.slice(0, 400))}`);
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  console.log(
    `${sent} requests, ${overloads} refused for overload, answers: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}`,
  );
  const refused = await replica.metric('requests_refused_total', { reason: 'overload' });
  if (overloads > refused) failures.push(`${overloads} answers of overload, ${refused} counted`);
  await until(async () => (await replica.metric('http_requests_in_flight')) === 0, 30).catch(() =>
    failures.push('requests stay in flight'),
  );
  const { server } = replica.service.api;
  const open = () =>
    new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
  await until(async () => (await open()) === 0, 90).catch(async () =>
    failures.push(`${await open()} sockets stay open`),
  );
  return failures;
}

/**
 * Returns true for load shedding, which this process causes on a busy machine: it runs the replica and all clients, and a
 * replica whose event loop is late by half a second refuses requests for a moment.
 */
const isOverload = (answer: string): boolean =>
  answer.startsWith('HTTP/1.1 503 ') &&
  /^retry-after: [1-9]\d*\r$/im.test(answer) &&
  answer.includes('"detail":"The service is overloaded"');

function request(token: string): string {
  const body = randomInt(4) === 0 ? junk(300) : pick(bodies);
  const lines = [
    `${randomInt(3) > 0 ? pick(['GET', 'POST']) : pick(methods)} ${pick(targets)}${randomInt(6) === 0 ? `?${junk(20)}` : ''} HTTP/1.1`,
    'Host: x',
  ];
  if (randomInt(4) > 0) lines.push(`Authorization: Bearer ${token}`);
  for (let n = randomInt(3); n > 0; n -= 1) lines.push(pick(headers));
  if (randomInt(8) > 0) lines.push('Connection: close');
  if (randomInt(8) === 0) lines.push(`X-${junk(10)}: ${junk(50)}`);
  if (randomInt(3) > 0)
    lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`);
  const text = `${lines.join('\r\n')}\r\n\r\n${body}`;
  return randomInt(10) === 0 ? text.slice(0, randomInt(text.length)) : text;
}

/** Writes, reads for a moment, and leaves. */
function exchange(port: number, ca: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca });
    let text = '';
    const leave = setTimeout(() => socket.destroy(), randomInt(10) === 0 ? randomInt(50) : 3_000);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(leave);
      resolve(text);
    });
    socket.write(bytes, 'latin1');
  });
}
