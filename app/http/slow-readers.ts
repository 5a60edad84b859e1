import type { FastifyInstance, FastifyRequest } from 'fastify';
import { answerTimeout } from '../../contract/timeouts.ts';
import { emit } from '../telemetry/events.ts';
import { routeOf } from '../telemetry/http-metrics.ts';

/** Cuts clients that take their answer byte by byte: the idle timeout of a socket never sees them. */
export function cutSlowReaders(app: FastifyInstance, longest = answerTimeout): void {
  const open = new Map<FastifyRequest, number>();
  const timer = setInterval(() => {
    const oldest = performance.now() - longest;
    for (const [request, since] of open) {
      // Requests are in the order of their arrival.
      if (since > oldest) return;
      open.delete(request);
      emit(request.log, 'slow_reader_cut', { route: routeOf(request) });
      request.raw.socket.destroy();
    }
  }, longest / 20);
  timer.unref();
  app.addHook('onRequest', (request, _reply, done) => {
    open.set(request, performance.now());
    done();
  });
  app.onSettled(({ request }) => open.delete(request));
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });
}
