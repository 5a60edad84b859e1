import { TraceFlags, trace } from '@opentelemetry/api';

const none = {};

/** The trace under way as an exemplar's label, when it is sampled: a dot on a panel must lead to a trace that is kept. */
export function exemplarOfActiveTrace(): { readonly trace_id?: string } {
  const active = trace.getActiveSpan()?.spanContext();
  if (active === undefined || (active.traceFlags & TraceFlags.SAMPLED) === 0) return none;
  return { trace_id: active.traceId };
}
