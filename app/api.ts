import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { authorise, identifier } from './auth/authorise.ts';
import type { Accounts } from './auth/index.ts';
import { authRoutes } from './auth/routes.ts';
import { countActiveUsers } from './cases/active-users.ts';
import { CaseCache } from './cases/cache.ts';
import { measureCases } from './cases/measure.ts';
import { caseRoutes } from './cases/routes.ts';
import { CaseStore } from './cases/store.ts';
import { requireDeclarations } from './http/access.ts';
import type { Context } from './http/context.ts';
import { allowOrigins } from './http/cors.ts';
import { sendError, toProblem } from './http/errors.ts';
import { publicHealthRoutes } from './http/health.ts';
import { limitRequests } from './http/limits.ts';
import { createListener, type Lifecycle } from './http/listener.ts';
import { refuseOtherMethods } from './http/methods.ts';
import { describeRoutes, type OpenApi } from './http/openapi.ts';
import { shedLoad } from './http/pressure.ts';
import { cutSlowReaders } from './http/slow-readers.ts';
import packageFile from './package.json' with { type: 'json' };
import type { ServedCertificate } from './settings/certificate.ts';
import { QueueDepth } from './sync/queue-depth.ts';
import { syncRoutes } from './sync/routes.ts';
import { measureRequests } from './telemetry/http-metrics.ts';
import { traceRequests } from './telemetry/tracing.ts';
import { userRoutes } from './users/routes.ts';

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

/** Registers cases and their synchronisation, with their metrics. */
function registerCases(app: FastifyInstance, { data, metrics, secrets }: Context): void {
  const cases = new CaseStore(data, new CaseCache(metrics), () => secrets.current.dataKeys);
  const depth = new QueueDepth(data, metrics);
  measureCases(app, metrics);
  const stop = countActiveUsers(app, data, metrics);
  app.addHook('onClose', async () => stop());
  caseRoutes(app, cases);
  syncRoutes(app, { cases, depth, redis: data, metrics });
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
