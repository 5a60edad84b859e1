import { SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { slowTraceSeconds } from '../../contract/timeouts.ts';

const none = {};

/**
 * Returns the active trace as an exemplar's label if it is certain to be kept. Only failed and slow requests are: of the
 * others the collector keeps a share that this process cannot know.
 * @param seconds the duration that is observed
 */
export function exemplarOfActiveTrace(seconds: number): { readonly trace_id?: string } {
  const span = trace.getActiveSpan();
  const active = span?.spanContext();
  if (active === undefined || (active.traceFlags & TraceFlags.SAMPLED) === 0) return none;
  const failed = (span as Partial<ReadableSpan>).status?.code === SpanStatusCode.ERROR;
  return failed || seconds >= slowTraceSeconds ? { trace_id: active.traceId } : none;
}
