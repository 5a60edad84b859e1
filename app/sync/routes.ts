import { randomUUID } from 'node:crypto';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { caseKeys } from '../cases/case.ts';
import { quotaRefusal } from '../cases/quota.ts';
import { CaseId, ChangeBody, CreateBody, normaliseContent, writers } from '../cases/schemas.ts';
import type { CaseStore } from '../cases/store.ts';
import { identityOf } from '../http/access.ts';
import { clientSignal } from '../http/client-signal.ts';
import { badRequest, type FieldError, Problem } from '../http/problem.ts';
import { defineScript, type RedisClient, releaseLua } from '../redis/client.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { applyOperation, type Operation, type Result } from './apply.ts';
import type { QueueDepth } from './queue-depth.ts';

/** Fields that one answer names. */
const maxErrors = 20;
/** Seconds. */
const maxAge = 30 * 86_400;
const closed = { additionalProperties: false } as const;
const maxOperations = 500;
/** Bytes: 500 operations with texts of ordinary length; a client with longer ones sends fewer at a time. */
const bodyLimit = 2 * 1_024 * 1_024;
/** Seconds after which a replica that died in the middle no longer holds up its user. Each operation asks for them anew. */
const lockSeconds = 30;

const common = {
  operationId: Type.String({
    pattern: '^[A-Za-z0-9_-]{8,64}$',
    description: "The client's own id; sent again, the operation is not applied again.",
  }),
  caseId: CaseId,
  queuedAt: Type.Optional(
    Type.String({ format: 'date-time', maxLength: 40, description: 'When it was done.' }),
  ),
};
const Version = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Of the case as the client saw it.',
});
/** At least one of what may be changed, as for a change that is sent by itself. */
const anyChange = { anyOf: Object.keys(ChangeBody.properties).map((name) => ({ required: [name] })) };
const kinds = Type.Union([
  Type.Object({ ...common, kind: Type.Literal('create'), ...CreateBody.properties }, closed),
  Type.Object(
    { ...common, kind: Type.Literal('update'), version: Version, ...ChangeBody.properties },
    { ...closed, ...anyChange },
  ),
  Type.Object({ ...common, kind: Type.Literal('delete'), version: Version }, closed),
]);
/** By its kind, so that an error names what is wrong with it, not with each of the others. */
const OperationSchema = Type.Unsafe<Static<typeof kinds>>({
  type: 'object',
  discriminator: { propertyName: 'kind' },
  required: ['kind'],
  oneOf: kinds.anyOf,
});
const Body = Type.Object(
  {
    operations: Type.Array(OperationSchema, { maxItems: maxOperations }),
    remaining: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        default: 0,
        description: 'Operations that the client still holds.',
      }),
    ),
  },
  closed,
);
const Results = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          operationId: Type.String(),
          result: Type.Enum(['applied', 'duplicate', 'conflict', 'rejected']),
          version: Type.Union([Type.Integer(), Type.Null()]),
        },
        closed,
      ),
    ),
  },
  closed,
);
const Status = Type.Object(
  { depth: Type.Integer(), lastSyncAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]) },
  closed,
);

/** Offline clients: what they queued is applied in order, once each, and what conflicts is said. */
export function syncRoutes(
  plain: FastifyInstance,
  {
    cases,
    depth,
    redis,
    metrics,
  }: {
    readonly cases: CaseStore;
    readonly depth: QueueDepth;
    readonly redis: RedisClient;
    readonly metrics: Metrics;
  },
): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const refuseOverQuota = quotaRefusal(cases, metrics);
  const release = defineScript(redis, 'releaseIfHeld', releaseLua);

  app.post(
    '/api/v1/sync',
    {
      bodyLimit,
      config: { access: writers, rateLimit: 'intensive', operation: 'sync' },
      schema: {
        summary: 'Apply operations queued offline, in order, each once',
        tags: ['sync'],
        body: Body,
        response: { 200: Results },
      },
    },
    async (request, reply) => {
      const { userId } = identityOf(request);
      const signal = clientSignal(reply);
      const { remaining = 0 } = request.body;
      const operations = parseOperations(request.body.operations);
      const lock = caseKeys.syncLock(userId);
      const token = randomUUID();
      // Two of a user's devices at once would interleave: the second one tries again.
      if ((await redis.set(lock, token, 'EX', lockSeconds, 'NX')) === null) throw underWay();
      try {
        await depth.set(userId, operations.length + remaining);
        const results: Result[] = [];
        for (const operation of operations) {
          // What is left is sent again by a client that comes back.
          signal.throwIfAborted();
          const result = await applyOperation(cases, userId, operation, { token, seconds: lockSeconds });
          if ('outcome' in result) {
            refuseOverQuota(result, { results });
            throw underWay();
          }
          results.push(result);
          metrics.sync_operations_total.inc({ result: result.result });
          if (result.result === 'applied' && operation.queuedAt !== undefined)
            metrics.sync_freshness_seconds.observe({}, ageOf(operation.queuedAt));
        }
        await depth.set(userId, remaining);
        return { results };
      } finally {
        // If this fails the lock ends by itself.
        await release([lock], [token]).catch(() => {});
      }
    },
  );

  app.get(
    '/api/v1/sync/status',
    {
      config: { access: writers, rateLimit: 'default' },
      schema: { summary: 'What is known of your offline queue', tags: ['sync'], response: { 200: Status } },
    },
    async (request) => depth.get(identityOf(request).userId),
  );
}

type Text = { title?: string; description?: string };

/**
 * Turns the operations of a body into what is applied, all of them before the first is.
 * @throws Problem 400 that names the fields
 */
function parseOperations(given: readonly Static<typeof kinds>[]): Operation[] {
  const errors: FieldError[] = [];
  const operations = given.map((operation, index) => {
    const { queuedAt, ...rest } = normaliseContent<typeof operation & Text>(
      operation,
      `/operations/${index}`,
    );
    const at = queuedAt === undefined ? undefined : Date.parse(queuedAt);
    if (Number.isNaN(at))
      errors.push({
        field: `/operations/${index}/queuedAt`,
        message: 'is no time, such as 2026-11-30T20:00:00Z',
      });
    return { ...rest, queuedAt: at } as Operation;
  });
  if (errors.length > 0) throw badRequest(errors.slice(0, maxErrors));
  return operations;
}

/** Seconds; a clock of the year 1 says as much as one that is a month behind. */
const ageOf = (queuedAt: number): number => Math.min(maxAge, Math.max(0, (Date.now() - queuedAt) / 1_000));

/** Sent again, what was applied is a duplicate, and the rest is applied then. */
const underWay = (): Problem =>
  new Problem(409, 'Conflict', {
    detail: 'Another synchronisation of this user is under way; send these operations again',
    headers: { 'retry-after': '1' },
  });
