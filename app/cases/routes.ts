import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { identityOf } from '../http/access.ts';
import { clientSignal } from '../http/client-signal.ts';
import { Problem } from '../http/problem.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Expected, Page, Scan, StoredCase } from './case.ts';
import { exportRoutes } from './export-routes.ts';
import { ownerFor, ownerOf } from './owner.ts';
import { quotaRefusal } from './quota.ts';
import {
  CaseId,
  CaseSchema,
  ChangeBody,
  CreateBody,
  ListQuery,
  normaliseContent,
  OptionalIfMatch,
  PageSchema,
  RequiredIfMatch,
  readers,
  refuseIfMatch,
  SearchBody,
  writers,
} from './schemas.ts';
import { search } from './search.ts';
import { type CaseStore, toCase } from './store.ts';
import { TimeBudget } from './time-budget.ts';

const base = '/api/v1/cases';
const params = Type.Object({ id: CaseId });
const tags = ['cases'];

/** Cases: each is seen and changed by its owner and by admins; for anybody else it does not exist. */
export function caseRoutes(plain: FastifyInstance, cases: CaseStore, metrics: Metrics): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const budget = new TimeBudget();
  const startScan = (request: FastifyRequest, reply: FastifyReply): Scan => {
    try {
      budget.assertLeft(identityOf(request).userId);
    } catch (error) {
      metrics.requests_refused_total.inc({ reason: 'search_time' });
      throw error;
    }
    return { signal: clientSignal(reply), workMs: 0 };
  };
  const refuseOverQuota = quotaRefusal(cases, metrics);

  app.get(
    base,
    {
      config: { access: readers, rateLimit: 'default', operation: 'list' },
      schema: {
        summary: 'List cases, newest first',
        tags,
        querystring: ListQuery,
        response: { 200: PageSchema },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const page = await cases.list(ownerFor(request, request.query.ownerId), limit, cursor);
      return toPage(request, page);
    },
  );

  app.post(
    base,
    {
      config: { access: writers, rateLimit: 'default', operation: 'create' },
      schema: { summary: 'Create a case', tags, body: CreateBody, response: { 201: CaseSchema } },
    },
    async (request, reply) => {
      const { title, description = '', status = 'open' } = normaliseContent(request.body);
      const { userId } = identityOf(request);
      const { id, ...outcome } = await cases.create(userId, { title, description, status });
      refuseOverQuota(outcome);
      const created = await cases.find(userId, id);
      if (created === undefined) throw noSuchCase();
      return reply
        .code(201)
        .header('location', `${base}/${id}`)
        .header('etag', tagOf(created))
        .send(toCase(created));
    },
  );

  app.get(
    `${base}/:id`,
    {
      config: { access: readers, rateLimit: 'default', operation: 'read' },
      schema: { summary: 'Read a case', tags, params, response: { 200: CaseSchema } },
    },
    async (request, reply) => {
      const found = await visible(cases, request, request.params.id);
      return reply.header('etag', tagOf(found)).send(toCase(found));
    },
  );

  app.patch(
    `${base}/:id`,
    {
      config: { access: writers, rateLimit: 'default', operation: 'update' },
      schema: {
        summary: 'Change a case that is still as you saw it',
        tags,
        params,
        headers: RequiredIfMatch,
        body: ChangeBody,
        response: { 200: CaseSchema },
      },
      schemaErrorFormatter: refuseIfMatch,
    },
    async (request, reply) => {
      const current = await visible(cases, request, request.params.id);
      const expected = expectedState(request.headers['if-match']);
      // Against the version that the client saw, not the one just read: the script decides.
      const outcome = await cases.update(current, normaliseContent(request.body), expected);
      refuseOverQuota(outcome);
      if (outcome.outcome === 'missing') throw noSuchCase();
      if (outcome.outcome === 'conflict')
        throw changedMeanwhile(await cases.find(current.ownerId, current.id));
      const changed = await cases.find(current.ownerId, current.id);
      if (changed === undefined) throw noSuchCase();
      return reply.header('etag', tagOf(changed)).send(toCase(changed));
    },
  );

  app.delete(
    `${base}/:id`,
    {
      config: { access: writers, rateLimit: 'default', operation: 'delete' },
      schema: {
        summary: 'Delete a case; with If-Match, only if it is still as you saw it',
        tags,
        params,
        headers: OptionalIfMatch,
        response: { 204: Type.Null() },
      },
      schemaErrorFormatter: refuseIfMatch,
    },
    async (request, reply) => {
      const { id } = request.params;
      const ownerId = await ownerOf(cases, request, id);
      if (ownerId === undefined) throw noSuchCase();
      const tag = request.headers['if-match'] ?? '*';
      const outcome = await cases.delete(ownerId, id, tag === '*' ? undefined : expectedState(tag));
      if (outcome.outcome === 'missing') throw noSuchCase();
      if (outcome.outcome === 'conflict') throw changedMeanwhile(await cases.find(ownerId, id));
      return reply.code(204).send(null);
    },
  );

  app.post(
    `${base}/search`,
    {
      config: { access: readers, rateLimit: 'intensive', operation: 'search' },
      schema: {
        summary: 'Search in title and description',
        tags,
        body: SearchBody,
        response: { 200: PageSchema },
      },
    },
    async (request, reply) => {
      const { ownerId, limit = 20, ...query } = request.body;
      const scan = startScan(request, reply);
      try {
        return toPage(request, await search(cases, ownerFor(request, ownerId), { ...query, limit }, scan));
      } finally {
        budget.spend(identityOf(request).userId, scan.workMs);
      }
    },
  );
  exportRoutes(plain, cases, startScan, budget);
}

async function visible(cases: CaseStore, request: FastifyRequest, id: string): Promise<StoredCase> {
  const owner = await ownerOf(cases, request, id);
  const found = owner === undefined ? undefined : await cases.find(owner, id);
  if (found === undefined) throw noSuchCase();
  return found;
}

/** Only an admin can do something about unreadable records. */
const toPage = (request: FastifyRequest, { items, unreadable, next }: Page) => ({
  items: [...items],
  nextCursor: next,
  ...(unreadable.length > 0 && identityOf(request).role === 'admin' ? { unreadable: [...unreadable] } : {}),
});

/** Names the version and the life of a case, so that it is never valid for a later case of the same id. */
const tagOf = ({ version, life }: StoredCase): string =>
  life === '' ? `"${version}"` : `"${version}-${life}"`;

/** Returns the state that an ETag of the schema names. One without a life is of a case that an earlier release created. */
function expectedState(tag: string): Expected {
  const [, version, life] = /^"([0-9]+)(?:-(.*))?"$/.exec(tag) ?? [];
  return { version: Number(version), life };
}

const noSuchCase = () => new Problem(404, 'Not Found', { detail: 'There is no such case' });

const changedMeanwhile = (current: StoredCase | undefined) =>
  new Problem(412, 'Precondition Failed', {
    detail: 'The case was changed meanwhile: read it again',
    headers: current === undefined ? {} : { etag: tagOf(current) },
  });
