import { Readable } from 'node:stream';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { answerTimeout } from '../../contract/timeouts.ts';
import { identityOf } from '../http/access.ts';
import { emit } from '../telemetry/events.ts';
import { routeOf } from '../telemetry/http-metrics.ts';
import type { Scan } from './case.ts';
import { ownerFor } from './owner.ts';
import { OwnerQuery, readers } from './schemas.ts';
import { exportLines } from './search.ts';
import type { CaseStore } from './store.ts';
import type { TimeBudget } from './time-budget.ts';

/** Registers the export of all cases of an owner, as a stream of lines. */
export function exportRoutes(
  plain: FastifyInstance,
  cases: CaseStore,
  startScan: (request: FastifyRequest, reply: FastifyReply) => Scan,
  budget: TimeBudget,
): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const exportConfig = { access: readers, rateLimit: 'intensive' } as const;
  const ndjson = 'application/x-ndjson; charset=utf-8';
  // Fastify's HEAD would read all cases for nobody.
  app.head(
    '/api/v1/cases/export',
    { config: exportConfig, schema: { querystring: OwnerQuery } },
    async (request, reply) => {
      ownerFor(request, request.query.ownerId);
      return reply.type(ndjson).send();
    },
  );
  app.get(
    '/api/v1/cases/export',
    {
      config: { ...exportConfig, operation: 'export' },
      exposeHeadRoute: false,
      // Until the last byte: Fastify would break the answer at the deadline of the headers.
      handlerTimeout: answerTimeout,
      schema: {
        summary: 'All cases as NDJSON, one per line, newest first',
        tags: ['cases'],
        querystring: OwnerQuery,
        response: {
          200: {
            description: 'One case per line',
            content: { 'application/x-ndjson': { schema: Type.String() } },
          },
        },
      },
    },
    async (request, reply) => {
      const scan = startScan(request, reply);
      const { userId } = identityOf(request);
      const lines = exportLines(cases, ownerFor(request, request.query.ownerId), scan);
      // The first page before the headers: a store that does not answer is a 503, not a broken stream.
      const first = await lines.next();
      const rest = async function* () {
        try {
          if (!first.done) yield first.value;
          yield* lines;
        } catch (error) {
          // An abandoned export is the client's doing.
          if (scan.signal?.aborted !== true) {
            request.failure = error;
            emit(request.log, 'answer_broken', { err: error, route: routeOf(request) });
          }
          throw error;
        } finally {
          budget.spend(userId, scan.workMs);
        }
      };
      return reply.type(ndjson).send(Readable.from(rest(), { objectMode: true, highWaterMark: 2 }) as never);
    },
  );
}
