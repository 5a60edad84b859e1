import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect } from 'node:tls';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { securityHeaders } from '../../contract/response-headers.ts';
import { exchange } from '../../test/support/raw-http.ts';
import { type Backing, startBacking, type TestService, until } from '../../test/support/service.ts';
import { parseSettings } from '../settings/settings.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { settleRequests } from '../telemetry/settlement.ts';
import { createListener } from './listener.ts';
import { shedLoad } from './pressure.ts';
import { cutSlowReaders } from './slow-readers.ts';

let backing: Backing;
let replica: TestService;

beforeAll(async () => {
  backing = await startBacking();
  replica = await backing.start();
});
afterAll(() => backing.stop());

const open = (): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: replica.ports.api, ca: backing.authority.certificate };
    const socket = connect(options, () => resolve(socket));
    socket.on('error', reject);
  });

/** Sends a start, then a byte twice a second until the peer closes; returns what came back and after how long. */
async function drip(start: string): Promise<{ text: string; seconds: number }> {
  const socket = await open();
  const began = performance.now();
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.write(start);
  const timer = setInterval(() => socket.writable && socket.write('a'), 500);
  await once(socket, 'close');
  clearInterval(timer);
  return { text, seconds: (performance.now() - began) / 1_000 };
}

// Both wait for real deadlines, so they wait together.
describe.concurrent('slow senders are cut with 408 and every header', () => {
  test.each([
    ['headers', 'GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ', 10],
    [
      'a body',
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{',
      15,
    ],
  ])(
    '%s',
    async (_name, start, limit) => {
      const { text, seconds } = await drip(start);
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
      expect(text.split('HTTP/1.1 ')).toHaveLength(2);
      for (const [name, value] of Object.entries(securityHeaders(true))) {
        expect(text.toLowerCase()).toContain(`${name}: ${value}`.toLowerCase());
      }
      expect(seconds).toBeGreaterThan(limit - 1);
      expect(seconds).toBeLessThan(limit * 1.2 + 5);
    },
    40_000,
  );
});

test('a body that was refused before its end is not answered twice', async () => {
  const socket = await open();
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  const head = 'POST /api/v1/cases HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`);
  await until(() => text.includes('"instance"'));
  socket.write('nonsense\r\n');
  await once(socket, 'close');
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401']);
});

test('a body that is too large is refused and read to its end, so that no reset overtakes the answer', async () => {
  const body = 'x'.repeat(1_000_000);
  const head = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  const bytes =
    `${head}Content-Length: ${body.length}\r\n\r\n${body}` +
    `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` +
    'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const answers = await exchange(replica.ports.api, bytes, backing.authority.certificate);
  expect(answers.map(({ status }) => status)).toEqual([413, 413, 200]);
});

test('a reader that takes its answer byte by byte is cut', async () => {
  const app = fastify();
  settleRequests(app);
  cutSlowReaders(app, 300);
  app.get('/large', async () => Buffer.alloc(64 * 1_024 * 1_024));
  app.get('/small', async () => 'x');
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  expect((await app.inject('/small')).statusCode).toBe(200);
  const socket = connectPlain({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'readable');
  const timer = setInterval(() => socket.read(1), 20);
  await until(async () => (await connections(app.server)) === 0);
  clearInterval(timer);
  socket.destroy();
  await app.close();
});

const connections = (server: { getConnections(done: (error: Error | null, count: number) => void): void }) =>
  new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));

const listener = () => {
  const settings = parseSettings({
    ENVIRONMENT: 'local',
    LOG_LEVEL: 'silent',
    SECRETS_DIR: '-',
    TLS_DIR: '-',
    REDIS_URL: 'rediss://localhost:6379',
    REDIS_CA_FILE: '-',
    TOKEN_ISSUER: 'https://localhost',
  });
  const lifecycle = { booted: true, draining: false };
  const metrics = createMetrics();
  const { log } = createLog(settings, metrics);
  const app = createListener({ settings, metrics, log, lifecycle });
  return { app, metrics };
};

test('an event loop that cannot keep up sheds load with 503, and recovers', async () => {
  const { app, metrics } = listener();
  shedLoad(app, metrics);
  app.get('/', async () => 'x');
  await app.ready();
  expect((await app.inject('/')).statusCode).toBe(200);
  const end = performance.now() + 2_500;
  while (performance.now() < end);
  await until(async () => {
    const answer = await app.inject('/');
    return answer.statusCode === 503 && answer.headers['retry-after'] === '1';
  });
  await until(async () => (await app.inject('/')).statusCode === 200, 5);
  await app.close();
});

test('a handler that does not end is answered for it', async () => {
  const { app } = listener();
  app.get('/', { handlerTimeout: 50 }, () => new Promise(() => {}));
  const answer = await app.inject('/');
  expect(answer.statusCode).toBe(503);
  expect(answer.headers['retry-after']).toBe('1');
  expect(answer.json()).toMatchObject({ title: 'Service Unavailable', detail: 'The answer took too long' });
  await app.close();
});
