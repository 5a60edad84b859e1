import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { until } from '../../test/support/service.ts';
import { tracedReplicas } from '../../test/support/traced-service.ts';

const traced = tracedReplicas();
const { start, caseworker, flush } = traced;

test('a request is one trace: its route, its Redis calls and its log lines', async () => {
  const exporter = new InMemorySpanExporter();
  const replica = await start({}, exporter);
  const session = await replica.login(caseworker());
  const created = await session.send('POST', '/api/v1/cases', { body: { title: 'traced' } });
  expect(created.status).toBe(201);
  await flush();
  const spans = exporter.getFinishedSpans();
  const root = spans.find(({ name }) => name === 'POST /api/v1/cases');
  expect(root?.attributes).toEqual({
    'http.request.method': 'POST',
    'http.route': '/api/v1/cases',
    'http.response.status_code': 201,
  });
  const traceId = root?.spanContext().traceId;
  const calls = spans.filter(
    (span) => span.name.startsWith('redis ') && span.spanContext().traceId === traceId,
  );
  expect(calls.length).toBeGreaterThan(0);
  for (const { attributes } of calls) {
    expect(Object.keys(attributes).sort()).toEqual([
      'db.operation.name',
      'db.system.name',
      'simple378.store',
    ]);
  }
  const lines = replica.logs.filter((line) => line.trace_id === traceId);
  expect(lines.some(({ event }) => event === 'rate_limit_check')).toBe(true);
});

/** What a scrape by Prometheus finds: series by name, each with the trace of its exemplar, if any. */
async function exemplars(replica: Awaited<ReturnType<typeof start>>) {
  const accept = 'application/openmetrics-text;version=1.0.0';
  const { text } = await replica.send('GET', '/metrics', { to: 'internal', headers: { accept } });
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => ({
    series: line.replace(/ .*$/, ''),
    trace: / # \{trace_id="([0-9a-f]{32})"\} [\d.e-]+ [\d.]+$/.exec(line)?.[1],
  }));
}

test('only failed and slow requests name their trace as an example, since they are certain to be kept', async () => {
  const exporter = new InMemorySpanExporter();
  const replica = await start({ OTEL_TRACES_SAMPLER_ARG: '0' }, exporter);
  const session = await replica.login(caseworker());
  for (let count = 0; count < 20; count += 1) await session.send('GET', '/api/v1/cases');
  const { users } = replica.service.accounts;
  users.find = () => Promise.reject(new Error('unexpected'));
  await session.send('GET', '/api/v1/auth/me');
  await flush();
  const kept = exporter.getFinishedSpans().filter(({ name }) => name === 'GET /api/v1/auth/me');
  expect(kept).toHaveLength(1);
  const found = (await exemplars(replica)).filter(({ trace }) => trace);
  const failed = found.filter(({ series }) => series.includes('route="/api/v1/auth/me"'));
  expect(failed.map(({ trace }) => trace)).toEqual([kept[0]?.spanContext().traceId]);
  const traces = new Set(exporter.getFinishedSpans().map((span) => span.spanContext().traceId));
  for (const { trace } of found) expect(traces).toContain(trace);
  expect(found.filter(({ series }) => series.includes('trace_id'))).toEqual([]);
});

test('the trace of a trusted edge is continued, and the log has its id', async () => {
  const exporter = new InMemorySpanExporter();
  const replica = await start({ TRUSTED_PROXIES: '127.0.0.0/8' }, exporter);
  const theirs = '0af7651916cd43dd8448eb211c80319c';
  const send = (traceparent: string) => replica.send('GET', '/health', { headers: { traceparent } });
  await send(`00-${theirs}-b7ad6b7169203331-00`);
  await send('00-00000000000000000000000000000000-b7ad6b7169203331-01');
  await flush();
  const [joined, own] = exporter.getFinishedSpans().filter(({ name }) => name === 'GET /health');
  expect(joined?.spanContext().traceId).toBe(theirs);
  expect(joined?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
  expect(own?.parentSpanContext).toBeUndefined();
  const line = replica.logs.find(({ event }) => event === 'request_completed');
  expect(line).toMatchObject({ trace_id: theirs, route: '/health', method: 'GET', status: 200, user: null });
});

test('a request whose client went away is a trace all the same', async () => {
  const exporter = new InMemorySpanExporter();
  const replica = await start({}, exporter);
  const socket = connect({
    host: '127.0.0.1',
    port: replica.ports.api,
    ca: traced.backing.authority.certificate,
  });
  socket.write(
    'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  );
  await until(async () => (await replica.metric('http_requests_in_flight')) === 1);
  socket.destroy();
  await until(async () => (await replica.metric('http_requests_in_flight')) === 0);
  await flush();
  expect(exporter.getFinishedSpans().map(({ name }) => name)).toContain('POST /api/v1/auth/login');
});

test('a client can neither join, force nor suppress a trace, nor bring baggage', async () => {
  const exporter = new InMemorySpanExporter();
  const replica = await start({}, exporter);
  const theirs = '0af7651916cd43dd8448eb211c80319c';
  for (const flag of ['00', '01']) {
    await replica.send('GET', '/health', {
      headers: { traceparent: `00-${theirs}-b7ad6b7169203331-${flag}`, baggage: 'canary=1' },
    });
  }
  await flush();
  const roots = exporter.getFinishedSpans().filter(({ name }) => name === 'GET /health');
  expect(roots).toHaveLength(2);
  for (const span of roots) {
    expect(span.spanContext().traceId).not.toBe(theirs);
    expect(span.parentSpanContext).toBeUndefined();
    expect(JSON.stringify(span.attributes)).not.toContain('canary');
  }
});

test('without a collector nothing is recorded, and log lines still share an id', async () => {
  const replica = await start();
  await replica.login(caseworker());
  const ids = replica.logs
    .filter(({ event }) => event === 'rate_limit_check' || event === 'login_succeeded')
    .map((line) => line.trace_id);
  expect(ids).toHaveLength(2);
  expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(ids[1]).toBe(ids[0]);
});

test('spans go out over TLS to a collector with a certificate of our own authority', async () => {
  const { certificate, key } = await traced.backing.authority.issue();
  let received = 0;
  const collector = createServer({ cert: certificate, key }, (request, response) => {
    received += 1;
    request.resume();
    response.writeHead(request.url === '/v1/traces' ? 200 : 404).end('{}');
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const replica = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${(collector.address() as AddressInfo).port}/`,
    OTEL_EXPORTER_OTLP_CERTIFICATE: `${traced.backing.dir}/tls/ca.crt`,
  });
  await replica.send('GET', '/health');
  await flush();
  await until(() => received > 0);
  expect(await replica.metric('traces_dropped_total')).toBe(0);
  collector.close();
});

test('a collector that is down costs spans, which are counted, and no request', async () => {
  const replica = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
  const answers = await Promise.all(Array.from({ length: 20 }, () => replica.send('GET', '/health')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  await flush();
  await until(async () => (await replica.metric('traces_dropped_total')) >= 20);
});
