import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { Agent, request } from 'undici';
import { type Service, startService } from '../../app/service.ts';
import { loadConfiguration } from '../../app/settings/load.ts';
import { defaultPolicies } from '../../contract/policies.ts';
import { aclFile } from '../../infra/config/redis.ts';
import {
  type Authority,
  createAuthority,
  createUsers,
  type TestUser,
  writeCertificate,
  writeFiles,
  writeSecrets,
} from './certificates.ts';
import { freePort, type RedisServer, startRedis } from './redis.ts';

/** A Redis with TLS and ACL, certificates, secrets and users, on which replicas of the service can be started. */
export interface Backing {
  /** Temporary folder; `secrets`, `tls` and `redis` are in it. */
  readonly dir: string;
  readonly authority: Authority;
  readonly users: readonly TestUser[];
  readonly redis: RedisServer;
  /** A user of a role; the first one, or by number. */
  user(role: TestUser['role'], number?: number): TestUser;
  /** The environment of one more replica, on free ports. */
  environment(overrides?: Environment): Promise<Record<string, string>>;
  /** Starts a replica in this process; all of them end with {@link Backing.stop}. */
  start(overrides?: Environment, options?: StartOptions): Promise<TestService>;
  /** Two replicas on one Redis, with policies that never get in the way: what one does the other must know. */
  startPair(): Promise<[TestService, TestService]>;
  stop(): Promise<void>;
}

export type { TestUser } from './certificates.ts';

type Environment = Readonly<Record<string, string>>;

/** What a replica may be started with. */
export interface StartOptions {
  readonly spansTo?: SpanExporter;
  /** Do not wait until it is ready, for a Redis that is away. */
  readonly unready?: boolean;
}

/** A replica that runs in this process. */
export interface TestService {
  readonly service: Service;
  readonly environment: Environment;
  readonly ports: { readonly api: number; readonly internal: number; readonly plain: number };
  /** Lines of the log so far, parsed. */
  readonly logs: readonly Record<string, unknown>[];
  /** The log as it was written. */
  readonly logText: () => string;
  /** One request; `body` is sent as JSON unless it is text. */
  send(method: string, path: string, options?: SendOptions): Promise<TestAnswer>;
  /** Signs in, and keeps the tokens. */
  login(user: TestUser): Promise<TestSession>;
  /** Sum of the series of `/metrics` that have these labels. */
  metric(name: string, labels?: Environment): Promise<number>;
  stop(): Promise<void>;
}

/** How a request is sent. */
export interface SendOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly token?: string;
  readonly to?: 'api' | 'internal' | 'plain';
}

/** An answer, read to its end. */
export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the test is about
  readonly json: any;
}

/** A signed-in user. */
export interface TestSession {
  readonly accessToken: string;
  readonly refreshToken: string;
  send(method: string, path: string, options?: SendOptions): Promise<TestAnswer>;
}

/** Policies that never get in the way of a test that is about something else. */
export const generousPolicies = defaultPolicies.map((policy) => ({
  ...policy,
  quota: 1_000_000,
  // A starved machine must not answer 503 where the limiter is not the point.
  onStoreError: 'local',
}));

/** Who may do everything to the Redis of a {@link Backing}, as whoever rotates its passwords does. */
export const operator = { username: 'operator', password: 'operator' } as const;

/**
 * Starts a real Redis, TLS only and with the service's ACL users, and writes everything a replica needs.
 * @param redisOptions more directives, such as `{ appendonly: 'yes' }`
 */
export async function startBacking(redisOptions: Environment = {}): Promise<Backing> {
  const dir = mkdtempSync(join(tmpdir(), 'case-service-'));
  const authority = await createAuthority();
  const users = createUsers();
  const passwords = writeSecrets(join(dir, 'secrets'), users);
  await writeCertificate(join(dir, 'tls'), authority);
  await writeCertificate(join(dir, 'redis'), authority);
  writeFiles(join(dir, 'redis'), {
    // The rights of the deployed users, so that a command which they lack fails here too. Tests also read expiry times.
    acl:
      aclFile({ 'case-data': [passwords.data], 'case-limiter': [passwords.limiter] }).replaceAll(
        '+ping',
        '+ping +ttl',
      ) + `user ${operator.username} on >${operator.password} ~* &* +@all\n`,
  });
  writeFiles(dir, { 'policies.json': JSON.stringify(generousPolicies) });
  const redis = await startRedis({
    'tls-port': String(await freePort()),
    'tls-cert-file': join(dir, 'redis/tls.crt'),
    'tls-key-file': join(dir, 'redis/tls.key'),
    'tls-ca-cert-file': join(dir, 'redis/ca.crt'),
    'tls-auth-clients': 'no',
    aclfile: join(dir, 'redis/acl'),
    ...redisOptions,
  });
  const running = new Set<TestService>();
  const environment = async (overrides: Environment = {}): Promise<Record<string, string>> => ({
    ENVIRONMENT: 'local',
    INSTANCE: `test-${running.size}`,
    LISTEN_HOST: '127.0.0.1',
    API_PORT: String(await freePort()),
    INTERNAL_PORT: String(await freePort()),
    PLAIN_PORT: String(await freePort()),
    SECRETS_DIR: join(dir, 'secrets'),
    TLS_DIR: join(dir, 'tls'),
    REDIS_URL: `rediss://127.0.0.1:${redis.port}`,
    REDIS_CA_FILE: join(dir, 'redis/ca.crt'),
    TOKEN_ISSUER: 'https://issuer.example',
    DRAIN_SECONDS: '0',
    SHUTDOWN_SECONDS: '5',
    ...overrides,
  });
  const start: Backing['start'] = async (overrides, options = {}) => {
    const replica = await startReplica(await environment(overrides), authority.certificate, options);
    running.add(replica);
    return replica;
  };
  return {
    dir,
    authority,
    users,
    redis,
    user(role, number = 0) {
      const found = users.filter((candidate) => candidate.role === role)[number];
      if (!found) throw new Error(`no ${role}`);
      return found;
    },
    environment,
    start,
    async startPair() {
      const policies = { POLICIES_FILE: join(dir, 'policies.json') };
      return [await start(policies), await start(policies)];
    },
    async stop() {
      await Promise.all([...running].map((replica) => replica.stop()));
      await redis.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startReplica(
  environment: Environment,
  ca: string,
  { spansTo, unready = false }: StartOptions,
): Promise<TestService> {
  const lines: string[] = [];
  const logTo = { write: (line: string) => void lines.push(line) };
  const service = await startService(loadConfiguration(environment), {
    logTo,
    ...(spansTo ? { spansTo } : {}),
  });
  const agent = new Agent({ connect: { ca } });
  const port = (name: string) => Number(environment[name] ?? 0);
  const ports = { api: port('API_PORT'), internal: port('INTERNAL_PORT'), plain: port('PLAIN_PORT') };
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await service.stop();
    await agent.close();
  };
  const send: TestService['send'] = async (method, path, { body, headers = {}, token, to = 'api' } = {}) => {
    const json = body !== undefined && typeof body !== 'string';
    const origin = `${to === 'plain' ? 'http' : 'https'}://127.0.0.1:${ports[to]}`;
    const answer = await request(origin + path, {
      dispatcher: agent,
      method: method as 'GET',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : body }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, headers: answer.headers, text, json: parse(text) };
  };
  const replica: TestService = {
    service,
    environment,
    ports,
    get logs() {
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    logText: () => lines.join(''),
    send,
    async login({ email, password }) {
      let answer = await send('POST', '/api/v1/auth/login', { body: { email, password } });
      // On a starved machine the limiter's store may not answer within its deadline, and logins are closed then.
      for (let tries = 0; answer.status === 503 && tries < 20; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        answer = await send('POST', '/api/v1/auth/login', { body: { email, password } });
      }
      const { status, json, text } = answer;
      if (status !== 200) throw new Error(`login of ${email}: ${status} ${text}`);
      const { accessToken, refreshToken } = json;
      return {
        accessToken,
        refreshToken,
        send: (method, path, options = {}) => send(method, path, { token: accessToken, ...options }),
      };
    },
    async metric(name, labels = {}) {
      const { text } = await send('GET', '/metrics', { to: 'internal' });
      return text
        .split('\n')
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
        .filter((line) =>
          Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
        )
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
  if (!unready) await until(async () => service.lifecycle.booted);
  return replica;
}

/** Waits until a condition holds. @throws after `seconds` */
export async function until(condition: () => boolean | Promise<boolean>, seconds = 15): Promise<void> {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the condition did not hold within ${seconds} s`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
