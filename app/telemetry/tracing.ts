import { readFileSync } from 'node:fs';
import { context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  BatchSpanProcessor,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Settings } from '../settings/settings.ts';
import type { Metrics } from './metrics.ts';

/** Spans that wait for the collector; beyond it they are given up and counted, never a request. */
const longestQueue = 2_048;

/**
 * Starts tracing for the process, recorded only when a collector is set, and returns how to stop it.
 * @param exporter another one, for tests
 */
export function startTracing(
  settings: Settings,
  metrics: Metrics,
  exporter?: SpanExporter,
): () => Promise<void> {
  const target = exporter ?? collector(settings);
  const provider = new TracerProvider({
    // Without a collector nothing is recorded, and requests still have an id that ties their log lines together.
    sampler: target ? new TraceIdRatioBasedSampler(settings.OTEL_TRACES_SAMPLER_ARG) : new AlwaysOffSampler(),
    resource: resourceFromAttributes({
      'service.name': 'case-service',
      'service.instance.id': settings.INSTANCE,
      'deployment.environment.name': settings.ENVIRONMENT,
    }),
    spanProcessors: target
      ? [
          new BatchSpanProcessor({
            exporter: counting(target, metrics),
            maxQueueSize: longestQueue,
            exportTimeoutMillis: 2_000,
          }),
        ]
      : [],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return async () => {
    await provider.shutdown().catch(() => {});
    trace.disable();
    context.disable();
  };
}

function collector(settings: Settings): SpanExporter | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_CERTIFICATE: ca } = settings;
  if (endpoint === undefined) return undefined;
  return new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: 2_000,
    ...(ca === undefined ? {} : { httpAgentOptions: { ca: readFileSync(ca), keepAlive: true } }),
  });
}

/** Counts what the collector did not take; an exporter's failure is nobody else's. */
function counting(exporter: SpanExporter, metrics: Metrics): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0) metrics.traces_dropped_total.inc({}, spans.length);
        done({ code: 0 });
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

const spans = new WeakMap<FastifyRequest, Span>();

/**
 * One span per request, a new root whatever `traceparent` says: a client must neither force nor suppress our sampling,
 * and its baggage is dropped. The route's template names it; no URL, header or body is recorded.
 */
export function traceRequests(app: FastifyInstance): void {
  const tracer = trace.getTracer('http');
  const within = (request: FastifyRequest, done: () => void): void => {
    const span = spans.get(request);
    if (span === undefined) done();
    else context.with(trace.setSpan(ROOT_CONTEXT, span), done);
  };
  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    const span = tracer.startSpan(
      `${request.method} ${route}`,
      {
        kind: SpanKind.SERVER,
        root: true,
        attributes: { 'http.request.method': request.method, 'http.route': route },
      },
      ROOT_CONTEXT,
    );
    spans.set(request, span);
    within(request, done);
  });
  // Reading a body leaves the asynchronous context of the request.
  app.addHook('preValidation', (request, _reply, done) => within(request, done));
  app.addHook('onRequestAbort', (request, done) => {
    spans.get(request)?.end();
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    span?.setAttribute('http.response.status_code', reply.statusCode);
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
    // What is measured of the answer names the trace as its example.
    within(request, done);
  });
}
