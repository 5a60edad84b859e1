import { randomBytes } from 'node:crypto';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { type EventName, events } from '../../contract/log-events.ts';
import { writeFiles } from '../../test/support/certificates.ts';
import { until } from '../../test/support/service.ts';
import { tracedReplicas } from '../../test/support/traced-service.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';

const traced = tracedReplicas();
const { start, caseworker, flush } = traced;

test('no password, token, case text, query or key reaches log, metrics or spans', async () => {
  const exporter = new InMemorySpanExporter();
  const replica = await start({ LOG_LEVEL: 'trace' }, exporter);
  const canary = () => `canary${randomBytes(12).toString('hex')}`;
  const [title, query, wrong, header, path] = [canary(), canary(), canary(), canary(), canary()];
  const user = caseworker();
  const session = await replica.login(user);
  const created = await session.send('POST', '/api/v1/cases', { body: { title, description: title } });
  await session.send('PATCH', `/api/v1/cases/${created.json.id}`, {
    body: { title: `${title} again` },
    headers: { 'if-match': String(created.headers.etag) },
  });
  await session.send('POST', '/api/v1/cases/search', { body: { text: title } });
  await session.send('GET', `/api/v1/cases?cursor=${query}`);
  await replica.send('GET', `/${path}?token=${query}`, {
    headers: { 'x-canary': header, cookie: `a=${header}` },
  });
  await replica.send('POST', '/api/v1/auth/login', { body: { email: user.email, password: wrong } });
  await replica.send('POST', '/api/v1/auth/login', { body: `{"password":"${wrong}"` });
  await replica.send('GET', '/api/v1/auth/me', { token: wrong });
  const refreshed = await session.send('POST', '/api/v1/auth/refresh', {
    body: { refreshToken: session.refreshToken },
  });
  await session.send('POST', '/api/v1/auth/logout');
  await flush();
  const { text: metrics } = await replica.send('GET', '/metrics', { to: 'internal' });
  const told = [
    replica.logText(),
    metrics,
    JSON.stringify(
      exporter.getFinishedSpans().map(({ name, attributes, events: own }) => [name, attributes, own]),
    ),
  ];
  const secrets = [title, query, wrong, header, path, user.password, user.email, session.accessToken];
  for (const secret of [
    ...secrets,
    session.refreshToken,
    refreshed.json.refreshToken,
    refreshed.json.accessToken,
  ]) {
    for (const text of told) expect(text).not.toContain(secret);
  }
});

test('an unexpected error is logged by its place and told as nothing', async () => {
  const replica = await start();
  const session = await replica.login(caseworker());
  const canary = 'postgres://user:canary@host';
  const { users } = replica.service.accounts;
  const find = users.find.bind(users);
  users.find = () => Promise.reject(new Error(canary));
  const answer = await session.send('GET', '/api/v1/auth/me');
  users.find = find;
  expect(answer.status).toBe(500);
  expect(answer.json).toEqual({
    type: 'about:blank',
    title: 'Internal Server Error',
    status: 500,
    detail: 'The error was logged under the instance given here',
    instance: answer.headers['x-request-id'],
  });
  const line = replica.logs.find(({ event }) => event === 'request_failed');
  expect(line).toMatchObject({ request_id: answer.json.instance, err: { type: 'Error' } });
  expect(JSON.stringify(line)).toContain('telemetry.test.ts');
  expect(replica.logText()).not.toContain('canary');
});

test('what is logged by mistake is redacted by its name', () => {
  const lines: string[] = [];
  const { log } = createLog({ LOG_LEVEL: 'info' } as never, createMetrics(), {
    write: (line) => void lines.push(line),
  });
  log.info({
    password: 'canary',
    user: { refreshToken: 'canary' },
    headers: { authorization: 'canary', cookie: 'canary' },
  });
  expect(lines.join('')).not.toContain('canary');
  expect(lines.join('').split('[redacted]')).toHaveLength(5);
});

test('every event that was logged has exactly its declared fields', async () => {
  const replica = await start({ ALLOWED_ORIGINS: 'https://app.example' });
  const session = await replica.login(caseworker());
  await replica.send('POST', '/api/v1/auth/login', { body: { email: 'a@example.com', password: 'x' } });
  await session.send('GET', '/api/v1/users');
  await replica.send('GET', '/api/v1/auth/me', { token: 'x' });
  await replica.send('POST', '/api/v1/auth/refresh', {
    headers: { cookie: `__Host-refresh=${session.refreshToken}` },
  });
  await session.send('POST', '/api/v1/auth/logout');
  writeFiles(`${traced.backing.dir}/secrets`, { 'users.json': '[]' });
  await until(() => replica.logs.some(({ event }) => event === 'files_reloaded'));
  const common = new Set([
    'level',
    'time',
    'service',
    'environment',
    'instance',
    'request_id',
    'trace_id',
    'span_id',
    'event',
    'msg',
  ]);
  const ajv = new Ajv({ strict: false });
  const seen = new Set<string>();
  for (const line of replica.logs) {
    const definition = events[line.event as EventName];
    expect(definition, String(line.event)).toBeDefined();
    seen.add(String(line.event));
    const fields = Object.fromEntries(Object.entries(line).filter(([name]) => !common.has(name)));
    expect(ajv.validate(definition.fields, fields), `${line.event}: ${ajv.errorsText()}`).toBe(true);
    expect([line.level, line.msg]).toEqual([definition.level, definition.message]);
  }
  // A starved machine may lose a connection to Redis meanwhile.
  seen.delete('redis_error');
  expect([...seen].sort()).toEqual([
    'access_denied',
    'csrf_refused',
    'files_reloaded',
    'logged_out',
    'login_failed',
    'login_succeeded',
    'rate_limit_check',
    'redis_connected',
    'request_completed',
    'started',
    'token_rejected',
  ]);
});
