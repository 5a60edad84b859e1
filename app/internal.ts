import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { authorise, identifySenders } from './auth/authorise.ts';
import type { Accounts } from './auth/index.ts';
import { identityOf, requireDeclarations } from './http/access.ts';
import { readJsonBodies } from './http/bodies.ts';
import type { Context } from './http/context.ts';
import { probeRoutes } from './http/health.ts';
import { createListener, type Lifecycle } from './http/listener.ts';
import { refuseOtherMethods } from './http/methods.ts';
import { Problem } from './http/problem.ts';
import type { ServedCertificate } from './settings/certificate.ts';
import { emit } from './telemetry/events.ts';
import { pseudonym } from './telemetry/pseudonym.ts';
import { AccountId } from './users/schemas.ts';

const open = { access: 'public', rateLimit: 'anonymous' } as const;
const admin = { access: ['admin'], rateLimit: 'default' } as const;
const params = Type.Object({ user: AccountId });

/** Metrics, probes and operators' tools, on a port of their own that no route of the edge leads to. */
export async function createInternal(
  context: Context,
  accounts: Accounts,
  lifecycle: Lifecycle,
  certificate: ServedCertificate,
): Promise<FastifyInstance> {
  const { metrics, limiter, secrets } = context;
  const app = createListener({ ...context, lifecycle }, certificate).withTypeProvider<TypeBoxTypeProvider>();
  requireDeclarations(app);
  const refuseTheRest = refuseOtherMethods(app);
  identifySenders(app, context, accounts);
  app.addHook('onRequest', (request) => authorise(request, context));

  readJsonBodies(app);

  probeRoutes(app, lifecycle);
  app.get('/metrics', { config: open }, async ({ headers: { accept } }, reply) => {
    const { contentType, text } = await metrics.expose(accept);
    return reply.type(contentType).send(text);
  });
  app.get(
    '/internal/ratelimit/:user',
    { config: admin, schema: { params } },
    async ({ params: { user } }) => {
      const account = await accounts.users.find(user);
      if (account === undefined) throw new Problem(404, 'Not Found', { detail: 'There is no such account' });
      return { user, breaker: limiter.breaker, windows: await limiter.explain(user, account.role) };
    },
  );
  app.delete('/internal/ratelimit/:user', { config: admin, schema: { params } }, async (request, reply) => {
    const { user } = request.params;
    await limiter.reset(user);
    const named = (id: string) => pseudonym(secrets.current.pseudonymKey, 'user', id);
    emit(request.log, 'limits_reset', { by: named(identityOf(request).userId), user: named(user) });
    return reply.code(204).send();
  });
  refuseTheRest();
  return app;
}
