import { readFileSync } from 'node:fs';
import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Settings } from '../settings/settings.ts';
import type { Metrics } from './metrics.ts';
import type { Settlement } from './settlement.ts';
import { createTraceFilter } from './trace-filter.ts';

/** Tracing of the process. */
export interface Tracing {
  /** Reads the authority of the collector again, after it was rotated. */
  reload(): void;
  stop(): Promise<void>;
}

/**
 * Starts tracing for the process. Spans are recorded only when a collector is set; without one a request still has an id
 * that ties its log lines together.
 * @param exporter another one, for tests
 */
export function startTracing(settings: Settings, metrics: Metrics, exporter?: SpanExporter): Tracing {
  const target = exporter ? { current: exporter } : collector(settings);
  const provider = new TracerProvider({
    sampler: target ? new AlwaysOnSampler() : new AlwaysOffSampler(),
    resource: resourceFromAttributes({
      'service.name': 'case-service',
      'service.instance.id': settings.INSTANCE,
      'deployment.environment.name': settings.ENVIRONMENT,
    }),
    spanProcessors: target ? [createTraceFilter(target, settings.OTEL_TRACES_SAMPLER_ARG, metrics)] : [],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return {
    reload() {
      const renewed = exporter ? undefined : collector(settings);
      if (!target || !renewed) return;
      const old = target.current;
      target.current = renewed.current;
      void old.shutdown().catch(() => {});
    },
    async stop() {
      await provider.shutdown().catch(() => {});
      trace.disable();
      context.disable();
    },
  };
}

function collector(settings: Settings): { current: SpanExporter } | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_CERTIFICATE: ca } = settings;
  if (endpoint === undefined) return undefined;
  return {
    current: new OTLPTraceExporter({
      url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
      timeoutMillis: 2_000,
      ...(ca === undefined ? {} : { httpAgentOptions: { ca: readFileSync(ca), keepAlive: true } }),
    }),
  };
}

const spans = new WeakMap<FastifyRequest, Span>();

/**
 * Opens one span per request. It continues the trace of a trusted edge; a client can neither join, force nor suppress a
 * trace, and its baggage is dropped. The route's template names it; no URL, header or body is recorded.
 * @param isTrusted reports whether the peer of a request is the edge
 */
export function traceRequests(
  app: FastifyInstance,
  isTrusted: (peer: string | undefined) => boolean = () => false,
): void {
  const tracer = trace.getTracer('http');
  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    const { traceparent } = request.headers;
    const parent = isTrusted(request.socket.remoteAddress) ? readTraceparent(traceparent) : ROOT_CONTEXT;
    const span = tracer.startSpan(
      `${request.method} ${route}`,
      {
        kind: SpanKind.SERVER,
        attributes: { 'http.request.method': request.method, 'http.route': route },
      },
      parent,
    );
    spans.set(request, span);
    within(request, done);
  });
  // Reading a body leaves the asynchronous context of the request.
  app.addHook('preValidation', (request, _reply, done) => within(request, done));
}

/** Ends the span of a request after its settlement ran in the span's context: metrics and log lines carry its id. */
export function settleTrace({ request, status, statusCode }: Settlement, run: () => void): void {
  const span = spans.get(request);
  span?.setAttribute('http.response.status_code', statusCode);
  if (status === '5xx') span?.setStatus({ code: SpanStatusCode.ERROR });
  within(request, run);
  span?.end();
}

function within(request: FastifyRequest, run: () => void): void {
  const span = spans.get(request);
  if (span === undefined) run();
  else context.with(trace.setSpan(ROOT_CONTEXT, span), run);
}

const traceparentForm = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}$/;

/** Reads the parent of a span (W3C Trace Context); a malformed header starts a new trace. */
function readTraceparent(header: unknown): Context {
  const [, traceId, spanId] = traceparentForm.exec(typeof header === 'string' ? header : '') ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
}
