import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RedisClient, StoreRole } from './client.ts';

const tracer = trace.getTracer('redis');

/** Measures every command of a connection: duration, failures, and a span without keys or values. */
export function observeCommands<C extends RedisClient>(client: C, store: StoreRole, metrics: Metrics): C {
  const send = client.sendCommand.bind(client);
  client.sendCommand = ((...call: Parameters<C['sendCommand']>) => {
    const [command] = call;
    const started = performance.now();
    const span = trace.getActiveSpan()?.isRecording()
      ? tracer.startSpan(`redis ${command.name}`, {
          kind: SpanKind.CLIENT,
          attributes: {
            'db.system.name': 'redis',
            'db.operation.name': command.name,
            'simple378.store': store,
          },
        })
      : undefined;
    const done = (failed: boolean) => {
      metrics.redis_command_duration_seconds.observe({ store }, (performance.now() - started) / 1_000);
      if (failed) {
        metrics.redis_errors_total.inc({ store });
        span?.setStatus({ code: SpanStatusCode.ERROR });
      }
      span?.end();
    };
    command.promise.then(
      () => done(false),
      () => done(true),
    );
    return (send as (...args: typeof call) => unknown)(...call);
  }) as C['sendCommand'];
  return client;
}
