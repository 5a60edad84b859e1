import { trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, pino } from 'pino';
import { eventLimits } from '../../contract/log-events.ts';
import type { Settings } from '../settings/settings.ts';
import { emit, sampler } from './events.ts';
import { LineWriter } from './line-writer.ts';
import type { Metrics } from './metrics.ts';
import { EventSampler } from './per-second.ts';

/** Members that would carry a secret if a caller logged a whole object; the service itself logs none of them. */
const secret = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'passwordHash',
  'accessToken',
  'refreshToken',
  'token',
  'title',
  'description',
]);

/** A log, and how to end it. */
export interface Log {
  readonly log: Logger;
  /** Writes what waits, the counts of left-out events included. */
  close(): void;
}

/**
 * Creates the log: one JSON line per event on standard output, with the trace it belongs to. Events that clients can
 * cause are sampled, and the number left out is logged every second.
 * @param destination another one, for tests
 */
export function createLog(settings: Settings, metrics: Metrics, destination?: DestinationStream): Log {
  const writer = new LineWriter(1, (lines) =>
    metrics.log_lines_dropped_total.inc({ reason: 'unwritable' }, lines),
  );
  const log = createLogger(settings, destination ?? writer);
  const sampling = new EventSampler(eventLimits);
  Object.assign(log, { [sampler]: sampling });
  const reportLeftOut = () => {
    for (const [of, count] of sampling.takeLeftOut()) {
      metrics.log_lines_dropped_total.inc({ reason: 'sampled' }, count);
      emit(log, 'events_left_out', { of, count });
    }
  };
  const timer = setInterval(reportLeftOut, 1_000);
  timer.unref();
  return {
    log,
    close() {
      clearInterval(timer);
      reportLeftOut();
      writer.flushSync();
    },
  };
}

function createLogger(settings: Settings, destination: DestinationStream): Logger {
  return pino(
    {
      level: settings.LOG_LEVEL,
      base: { service: 'case-service', environment: settings.ENVIRONMENT, instance: settings.INSTANCE },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }), log: (fields) => redact(fields, 3) },
      // Of an error its place, never its text: drivers put addresses and values into messages.
      serializers: {
        err: (error: Error & { code?: string }) => ({
          type: error.name,
          code: error.code,
          stack: error.stack
            ?.split('\n')
            .filter((line) => line.startsWith('    at '))
            .slice(0, 8),
        }),
      },
      mixin: () => {
        const span = trace.getActiveSpan()?.spanContext();
        return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
      },
    },
    destination,
  );
}

/** Replaces secret members, some levels down. (pino's own `redact` with wildcards took 7 % of a request's time.) */
function redact(fields: Record<string, unknown>, levels: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (secret.has(name)) clean[name] = '[redacted]';
    else if (levels > 0 && isPlain(value)) clean[name] = redact(value, levels - 1);
    else clean[name] = value;
  }
  return clean;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
