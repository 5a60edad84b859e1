import { SpanStatusCode } from '@opentelemetry/api';
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import { LRUCache } from 'lru-cache';
import { slowTraceSeconds } from '../../contract/timeouts.ts';
import type { Metrics } from './metrics.ts';

/** Spans that wait for the collector; more are lost and counted, and no request waits. */
const maxQueued = 2_048;
/** Spans kept of one request. */
const maxSpansPerTrace = 200;
/** Requests whose spans are held until they end. */
const maxTraces = 2_000;

/**
 * Creates a processor that decides when a request ends: errors and slow requests are always exported, of the rest a
 * share by trace id. Every lost span is counted.
 * @param target the exporter, read at each export since it can be renewed
 * @param share of ordinary traces, 0 to 1
 */
export function createTraceFilter(
  target: { readonly current: SpanExporter },
  share: number,
  metrics: Metrics,
): SpanProcessor {
  let queued = 0;
  const lose = (count: number) => metrics.traces_dropped_total.inc({}, count);
  const batch = new BatchSpanProcessor({
    exporter: {
      export(spans, done) {
        queued -= spans.length;
        target.current.export(spans, ({ code }) => {
          if (code !== 0) lose(spans.length);
          done({ code: 0 });
        });
      },
      shutdown: () => target.current.shutdown(),
      forceFlush: async () => target.current.forceFlush?.(),
    },
    maxQueueSize: maxQueued,
    exportTimeoutMillis: 2_000,
  });
  // A span that ends after its request stays until it is evicted.
  const children = new LRUCache<string, ReadableSpan[]>({
    max: maxTraces,
    dispose: (spans, _traceId, reason) => reason === 'evict' && lose(spans.length),
  });
  const send = (span: ReadableSpan) => {
    if (queued >= maxQueued) lose(1);
    else {
      queued += 1;
      batch.onEnd(span as never);
    }
  };
  return {
    onStart() {},
    onEnd(span: ReadableSpan) {
      const { traceId } = span.spanContext();
      if (!isRoot(span)) {
        const siblings = children.get(traceId) ?? [];
        if (siblings.length >= maxSpansPerTrace) lose(1);
        else {
          siblings.push(span);
          children.set(traceId, siblings);
        }
        return;
      }
      const held = children.get(traceId) ?? [];
      children.delete(traceId);
      if (isKept(span, share)) for (const one of [...held, span]) send(one);
    },
    forceFlush: () => batch.forceFlush(),
    shutdown: () => batch.shutdown(),
  };
}

/** The span of the request in this process; its parent, if any, is the edge's. */
const isRoot = ({ parentSpanContext }: ReadableSpan): boolean =>
  parentSpanContext === undefined || parentSpanContext.isRemote === true;

function isKept(root: ReadableSpan, share: number): boolean {
  const [seconds, nanoseconds] = root.duration;
  if (root.status.code === SpanStatusCode.ERROR || seconds + nanoseconds / 1e9 >= slowTraceSeconds)
    return true;
  // As TraceIdRatioBasedSampler: the same trace gets the same answer in every process.
  return Number.parseInt(root.spanContext().traceId.slice(-8), 16) < share * 2 ** 32;
}
