import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { authorise, identifySenders } from './auth/authorise.ts';
import type { Accounts } from './auth/index.ts';
import { guardLogins } from './auth/login-guard.ts';
import { authRoutes } from './auth/routes.ts';
import { countActiveUsers } from './cases/active-users.ts';
import { CaseCache } from './cases/cache.ts';
import { measureCases } from './cases/measure.ts';
import { auditForeignCases } from './cases/owner.ts';
import { caseRoutes } from './cases/routes.ts';
import { CaseStore } from './cases/store.ts';
import { requireDeclarations } from './http/access.ts';
import { readJsonBodies } from './http/bodies.ts';
import { boundBytesInFlight } from './http/bytes-in-flight.ts';
import type { Context } from './http/context.ts';
import { answerPreflights } from './http/cors.ts';
import { createEdge } from './http/edge.ts';
import { sendError, toProblem } from './http/errors.ts';
import { publicHealthRoutes } from './http/health.ts';
import { limitRequests } from './http/limits.ts';
import { createListener, type Lifecycle } from './http/listener.ts';
import { refuseOtherMethods, refusesMethod } from './http/methods.ts';
import { describeRoutes, type OpenApi } from './http/openapi.ts';
import { shedLoad } from './http/pressure.ts';
import { unavailable } from './http/problem.ts';
import { cutSlowReaders } from './http/slow-readers.ts';
import packageFile from './package.json' with { type: 'json' };
import { watchRoom } from './redis/room.ts';
import type { ServedCertificate } from './settings/certificate.ts';
import { QueueDepth } from './sync/queue-depth.ts';
import { syncRoutes } from './sync/routes.ts';
import { logRequests } from './telemetry/access-log.ts';
import { emit } from './telemetry/events.ts';
import { measureRequests, startCounters } from './telemetry/http-metrics.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { pseudonym } from './telemetry/pseudonym.ts';
import { settleRequests } from './telemetry/settlement.ts';
import { settleTrace, traceRequests } from './telemetry/tracing.ts';
import { userRoutes } from './users/routes.ts';

/**
 * Creates the API on its own port. A request passes, in this order: framing, trace and metrics, load shedding, its sender
 * (token, session, account), rate limits, preflights, its role, bytes in flight; then its body is read and checked.
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
  const { metrics, secrets, settings } = context;
  startCountersOfRoutes(app, metrics);
  settleRequests(app, settleTrace);
  traceRequests(app, createEdge(settings.trustedProxies).isTrusted);
  measureRequests(app, metrics);
  logRequests(app, (userId) => pseudonym(secrets.current.pseudonymKey, 'user', userId));
  cutSlowReaders(app);
  shedLoad(app, metrics);
  identifySenders(app, context, accounts);
  guardLogins(app, accounts.guard);
  await limitRequests(app, context, ({ attempt }) => attempt ?? null);
  answerPreflights(app, settings.allowedOrigins);
  app.addHook('onRequest', (request) => authorise(request, context));
  readJsonBodies(app);
  boundBytesInFlight(app, metrics, settings.MAX_BODY_BYTES_IN_FLIGHT);

  publicHealthRoutes(app);
  authRoutes(app, context, accounts);
  userRoutes(app, context, accounts);
  registerCases(app, context);
  refuseTheRest();
  return app;
}

/** Registers cases and their synchronisation, with their metrics. */
function registerCases(app: FastifyInstance, context: Context): void {
  const { data, log, metrics, secrets, settings } = context;
  const room = watchRoom(data, settings.STORE_FULL_PERCENT, log);
  const reported = new LRUCache<string, true>({ max: 1_000 });
  const cases = new CaseStore(data, new CaseCache(metrics), {
    keys: () => secrets.current.dataKeys,
    maxCases: settings.OWNER_MAX_CASES,
    maxBytes: settings.OWNER_MAX_BYTES,
    assertRoom() {
      if (!room.isFull) return;
      metrics.requests_refused_total.inc({ reason: 'store_full' });
      throw unavailable('The store is nearly full: only reading and deleting are possible', 60);
    },
    onUnreadable(ownerId, id, error) {
      metrics.case_records_unreadable_total.inc({});
      if (reported.has(id)) return;
      reported.set(id, true);
      const owner = pseudonym(secrets.current.pseudonymKey, 'user', ownerId);
      emit(log, 'record_unreadable', { owner, case_id: id, reason: error.message });
    },
  });
  const depth = new QueueDepth(data, metrics);
  measureCases(app, metrics);
  auditForeignCases(app, (userId) => pseudonym(secrets.current.pseudonymKey, 'user', userId));
  const stopCounting = countActiveUsers(app, data, metrics);
  app.addHook('onClose', async () => {
    stopCounting();
    room.stop();
  });
  caseRoutes(app, cases, metrics);
  syncRoutes(app, { cases, depth, redis: data, metrics });
}

function startCountersOfRoutes(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onRoute', ({ url, method, config }) => {
    if (config && refusesMethod in config) return;
    for (const one of [method].flat()) startCounters(metrics, url, one);
  });
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
