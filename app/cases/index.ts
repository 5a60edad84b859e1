import type { FastifyInstance } from 'fastify';
import type { Context } from '../http/context.ts';
import { QueueDepth } from '../sync/queue-depth.ts';
import { syncRoutes } from '../sync/routes.ts';
import { countActiveUsers } from './active-users.ts';
import { CaseCache } from './cache.ts';
import { measureCases } from './measure.ts';
import { caseRoutes } from './routes.ts';
import { CaseStore } from './store.ts';

/** Registers cases and their synchronisation, and the metrics that tell of them. */
export function registerCases(app: FastifyInstance, { data, metrics, secrets }: Context): void {
  const cases = new CaseStore(data, new CaseCache(metrics), () => secrets.current.dataKeys);
  const depth = new QueueDepth(data, metrics);
  measureCases(app, metrics);
  const stop = countActiveUsers(app, data, metrics);
  app.addHook('onClose', async () => stop());
  caseRoutes(app, cases);
  syncRoutes(app, { cases, depth, redis: data, metrics });
}
