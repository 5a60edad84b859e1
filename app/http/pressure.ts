import { getHeapStatistics } from 'node:v8';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../telemetry/metrics.ts';
import { maxMemoryShare, memoryLimit } from './memory.ts';
import { unavailable } from './problem.ts';

/** Milliseconds between two looks at the clock; how late a look comes is the event loop's delay. */
const pollMs = 100;
/** Milliseconds of smoothed delay beyond which work is refused: a queue that grows, not one busy moment. */
const maxDelayMs = 500;
/** Weight of the latest look: a single block of two seconds is over the limit, one of one second is not. */
const weight = 0.3;

/**
 * Refuses work with 503 while the process cannot keep up, instead of answering everybody late. It recovers within a few
 * looks. (`@fastify/under-pressure` looks once a second and calls a second without samples infinite delay, so that one
 * starved second refuses a whole second of requests.)
 */
export function shedLoad(app: FastifyInstance, metrics: Metrics): void {
  const memory = memoryLimit();
  let delay = 0;
  let last = performance.now();
  let full = false;
  const timer = setInterval(() => {
    const now = performance.now();
    delay += weight * (Math.max(0, now - last - pollMs) - delay);
    last = now;
    const { used_heap_size, heap_size_limit } = getHeapStatistics();
    full =
      used_heap_size > maxMemoryShare * heap_size_limit ||
      process.memoryUsage.rss() > maxMemoryShare * memory;
  }, pollMs);
  timer.unref();
  app.addHook('onRequest', (_request, _reply, done) => {
    if (full || delay > maxDelayMs) {
      metrics.requests_refused_total.inc({ reason: 'overload' });
      throw unavailable('The service is overloaded', 1);
    }
    done();
  });
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });
}
