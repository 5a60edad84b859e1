import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts } from '../auth/index.ts';
import { authRoutes } from '../auth/routes.ts';
import { registerCases } from '../cases/index.ts';
import packageFile from '../package.json' with { type: 'json' };
import { measureRequests } from '../telemetry/http-metrics.ts';
import { traceRequests } from '../telemetry/tracing.ts';
import { userRoutes } from '../users/routes.ts';
import { authorise, identifier, requireDeclarations } from './access.ts';
import type { Context } from './context.ts';
import { allowOrigins } from './cors.ts';
import { sendError, toProblem } from './errors.ts';
import { publicHealthRoutes } from './health.ts';
import { limitRequests } from './limits.ts';
import { createListener, type Lifecycle } from './listener.ts';
import { refuseOtherMethods } from './methods.ts';
import { describeRoutes, type OpenApi } from './openapi.ts';
import { shedLoad } from './pressure.ts';
import { cutSlowReaders } from './slow-readers.ts';
import type { ServedCertificate } from './tls.ts';

/**
 * The API on its own port. A request passes, in this order: framing, trace and metrics, load shedding, who it is
 * (without I/O), its rate limits, CORS, whether it may (Redis); then its body is read and checked.
 */
export async function createApi(
  context: Context,
  accounts: Accounts,
  lifecycle: Lifecycle,
  certificate?: ServedCertificate,
): Promise<FastifyInstance> {
  const app = createListener({ ...context, lifecycle }, certificate, { onError: answerError });
  requireDeclarations(app);
  const refuseTheRest = refuseOtherMethods(app);
  app.decorate('openapi', describeRoutes(app, packageFile.version));
  traceRequests(app);
  measureRequests(app, context.metrics);
  cutSlowReaders(app);
  shedLoad(app);
  app.addHook('onRequest', identifier(context));
  await limitRequests(app, context);
  allowOrigins(app, context.settings.allowedOrigins);
  app.addHook('onRequest', (request) => authorise(request, context, accounts));

  publicHealthRoutes(app);
  authRoutes(app, context, accounts);
  userRoutes(app, context, accounts);
  registerCases(app, context);
  refuseTheRest();
  return app;
}

/** Refused bodies and broken requests count against the limits like answered ones, or they would be free. */
async function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (toProblem(error).status >= 500) return sendError(error, request, reply);
  const limited = await request.server.limitOnce(request, reply).catch((refusal: unknown) => refusal);
  return sendError(limited ?? error, request, reply);
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The API as an OpenAPI document. */
    openapi(): OpenApi;
  }
}
