import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { Stack } from './stack.ts';

/**
 * Traffic of every kind on a running stack, so that every panel has something to show: cases by two users, offline work,
 * wrong passwords, forged tokens, a refresh, a reader who tries to write, malformed requests, and denials.
 */
export async function traffic(
  stack: Stack,
  seconds: number,
  signal?: AbortSignal,
): Promise<{ requests: number }> {
  const client = new Client(stack);
  const users = JSON.parse(readFileSync(stack.users, 'utf8')) as User[];
  const workers = users.filter(({ role }) => role === 'caseworker');
  const reader = users.find(({ role }) => role === 'reader');
  const sessions = await Promise.all(workers.map((user) => client.login(user)));
  const readerSession = reader ? await client.login(reader) : undefined;
  for (let round = 0, end = Date.now() + seconds * 1_000; Date.now() < end && !signal?.aborted; round += 1) {
    await Promise.all(sessions.map(({ accessToken }) => work(client, accessToken, round)));
    if (readerSession)
      await client.send('POST', '/api/v1/cases', { title: 'not allowed' }, readerSession.accessToken);
    if (round % 10 === 0) await misbehave(client, sessions[0] as Session);
    // Well before access tokens end, after ten minutes.
    if (round % 60 === 59)
      for (const session of [...sessions, ...(readerSession ? [readerSession] : [])])
        await renew(client, session);
    await sleep(1_000);
  }
  await client.close();
  return { requests: client.requests };
}

interface User {
  readonly email: string;
  readonly password: string;
  readonly role: string;
}
interface Session {
  accessToken: string;
  refreshToken: string;
}

async function work(client: Client, token: string, round: number): Promise<void> {
  const title = `Case ${round}`;
  const created = await client.send(
    'POST',
    '/api/v1/cases',
    { title, description: 'made by traffic' },
    token,
  );
  const { id } = (created ?? {}) as { id?: string };
  await client.send('GET', '/api/v1/cases', undefined, token);
  if (id) {
    for (let reads = 0; reads < 3; reads += 1)
      await client.send('GET', `/api/v1/cases/${id}`, undefined, token);
    await client.send('PATCH', `/api/v1/cases/${id}`, { title: `${title}!` }, token, { 'if-match': '"1"' });
    await client.send('PATCH', `/api/v1/cases/${id}`, { title: 'late' }, token, { 'if-match': '"1"' });
    if (round % 2 === 0)
      await client.send('DELETE', `/api/v1/cases/${id}`, undefined, token, { 'if-match': '"2"' });
  }
  await client.send('POST', '/api/v1/cases/search', { text: 'case' }, token);
  if (round % 5 === 0) {
    await client.send('GET', '/api/v1/cases/export', undefined, token);
    await client.send('POST', '/api/v1/sync', offlineWork(round), token);
  }
}

function offlineWork(round: number) {
  const queuedAt = new Date(Date.now() - (1 + (round % 7)) * 20_000).toISOString();
  const create = {
    operationId: randomUUID(),
    caseId: Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url'),
    kind: 'create',
    title: 'Offline',
    queuedAt,
  };
  // Sent twice: the second is a duplicate.
  return { operations: [create, create], remaining: round % 4 };
}

async function misbehave(client: Client, session: Session): Promise<void> {
  // Of nobody: failures of a real account would slow its owner down.
  await client.send('POST', '/api/v1/auth/login', {
    email: 'nobody@example.test',
    password: 'wrong password',
  });
  await client.send('GET', '/api/v1/cases', undefined, 'not-a-token');
  await client.send('GET', '/api/v1/cases', undefined, `${session.accessToken.slice(0, -6)}AAAAAA`);
  await client.send('GET', '/api/v1/nowhere', undefined, session.accessToken);
  await renew(client, session);
  // Over the limit of a minute, so that denials have something to show.
  await Promise.all(
    Array.from({ length: 120 }, () => client.send('GET', '/api/v1/cases', undefined, session.accessToken)),
  );
}

async function renew(client: Client, session: Session): Promise<void> {
  const { refreshToken } = session;
  Object.assign(session, await client.send('POST', '/api/v1/auth/refresh', { refreshToken }));
}

/** Requests over all replicas in turn; what the answer is, is the traffic's own business. */
class Client {
  readonly #stack: Stack;
  readonly #agent: Agent;
  requests = 0;

  constructor(stack: Stack) {
    this.#stack = stack;
    this.#agent = new Agent({ connect: { ca: readFileSync(stack.ca) } });
  }

  async login({ email, password }: User): Promise<Session> {
    const session = (await this.send('POST', '/api/v1/auth/login', { email, password })) as Session | null;
    if (!session?.accessToken) throw new Error(`${email} cannot log in`);
    return { ...session };
  }

  async send(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    token?: string,
    headers: Record<string, string> = {},
  ): Promise<unknown> {
    this.requests += 1;
    const replica = this.#stack.replicas[this.requests % this.#stack.replicas.length];
    try {
      const response = await request(`${replica}${path}`, {
        method,
        dispatcher: this.#agent,
        headers: {
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(token ? { authorization: `Bearer ${token}` } : {}),
          ...headers,
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await response.body.text();
      return response.headers['content-type']?.includes('json') && text.startsWith('{')
        ? JSON.parse(text)
        : null;
    } catch {
      // A stack that is being broken on purpose does not answer.
      return null;
    }
  }

  close(): Promise<void> {
    return this.#agent.close();
  }
}
