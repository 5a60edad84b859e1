import { Readable } from 'node:stream';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { identityOf } from '../http/access.ts';
import { Problem } from '../http/problem.ts';
import type { Case } from './case.ts';
import {
  CaseId,
  CaseSchema,
  ChangeBody,
  CreateBody,
  IfMatch,
  ListQuery,
  OwnerQuery,
  PageSchema,
  readers,
  SearchBody,
  writers,
} from './schemas.ts';
import { exportLines, search } from './search.ts';
import type { CaseStore } from './store.ts';

const base = '/api/v1/cases';
const params = Type.Object({ id: CaseId });
const tags = ['cases'];

/** Cases: each is seen and changed by its owner and by admins; for anybody else it does not exist. */
export function caseRoutes(plain: FastifyInstance, cases: CaseStore): void {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();

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
      const { items, next } = await cases.list(ownerFor(request, request.query.ownerId), limit, cursor);
      return { items: [...items], nextCursor: next };
    },
  );

  app.post(
    base,
    {
      config: { access: writers, rateLimit: 'default', operation: 'create' },
      schema: { summary: 'Create a case', tags, body: CreateBody, response: { 201: CaseSchema } },
    },
    async (request, reply) => {
      const { title, description = '', status = 'open' } = request.body;
      const { userId } = identityOf(request);
      const { id } = await cases.create(userId, { title, description, status });
      const created = await cases.find(userId, id);
      if (created === undefined) throw noSuchCase();
      return reply
        .code(201)
        .header('location', `${base}/${id}`)
        .header('etag', tagOf(created.version))
        .send(created);
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
      return reply.header('etag', tagOf(found.version)).send(found);
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
        headers: IfMatch,
        body: ChangeBody,
        response: { 200: CaseSchema },
      },
    },
    async (request, reply) => {
      const version = expectedVersion(request);
      if (version === undefined) {
        throw new Problem(428, 'Precondition Required', {
          detail: 'Send If-Match with the ETag of the case you saw',
        });
      }
      const current = await visible(cases, request, request.params.id);
      // Against the version that the client saw, not the one just read: the script decides.
      const outcome = await cases.update(current, request.body, version);
      if (outcome.outcome === 'missing') throw noSuchCase();
      if (outcome.outcome === 'conflict') throw changedMeanwhile(outcome.version);
      const changed = await cases.find(current.ownerId, current.id);
      if (changed === undefined) throw noSuchCase();
      return reply.header('etag', tagOf(changed.version)).send(changed);
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
        headers: IfMatch,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const ownerId = await ownerOf(cases, request, id);
      if (ownerId === undefined) throw noSuchCase();
      const outcome = await cases.delete(ownerId, id, expectedVersion(request));
      if (outcome.outcome === 'missing') throw noSuchCase();
      if (outcome.outcome === 'conflict') throw changedMeanwhile(outcome.version);
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
    async (request) => {
      const { ownerId, limit = 20, ...query } = request.body;
      const { items, next } = await search(cases, ownerFor(request, ownerId), { ...query, limit });
      return { items: [...items], nextCursor: next };
    },
  );

  app.get(
    `${base}/export`,
    {
      config: { access: readers, rateLimit: 'intensive', operation: 'export' },
      schema: {
        summary: 'All cases as NDJSON, one per line, newest first',
        tags,
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
      const lines = exportLines(cases, ownerFor(request, request.query.ownerId));
      // The first page before the headers: a store that does not answer is a 503, not a broken stream.
      const first = await lines.next();
      const rest = async function* () {
        if (!first.done) yield first.value;
        yield* lines;
      };
      return reply
        .type('application/x-ndjson; charset=utf-8')
        .send(Readable.from(rest(), { objectMode: true, highWaterMark: 2 }) as never);
    },
  );
}

/** Whose cases a request is about: one's own, and for admins whoever they name. */
function ownerFor(request: FastifyRequest, ownerId: string | undefined): string {
  const { userId, role } = identityOf(request);
  if (ownerId === undefined || ownerId === userId) return userId;
  if (role !== 'admin')
    throw new Problem(403, 'Forbidden', { detail: 'Only admins see the cases of others' });
  return ownerId;
}

/** Whose case an id can mean to the caller: an admin's question is answered by the record, anyone else's is about their own. */
async function ownerOf(cases: CaseStore, request: FastifyRequest, id: string): Promise<string | undefined> {
  const { userId, role } = identityOf(request);
  return role === 'admin' ? cases.ownerOf(id) : userId;
}

async function visible(cases: CaseStore, request: FastifyRequest, id: string): Promise<Case> {
  const owner = await ownerOf(cases, request, id);
  const found = owner === undefined ? undefined : await cases.find(owner, id);
  if (found === undefined) throw noSuchCase();
  return found;
}

const tagOf = (version: number): string => `"${version}"`;

/** The version that `If-Match` names; `undefined` without it, or for `*`, which any version matches. */
function expectedVersion({ headers }: FastifyRequest): number | undefined {
  const tag = headers['if-match'];
  if (tag === undefined || tag === '*') return undefined;
  const version = /^"([1-9][0-9]{0,15})"$/.exec(tag)?.[1];
  if (version === undefined)
    throw new Problem(412, 'Precondition Failed', {
      detail: 'If-Match must be one ETag of this case, such as "3"',
    });
  return Number(version);
}

const noSuchCase = () => new Problem(404, 'Not Found', { detail: 'There is no such case' });

const changedMeanwhile = (version: number) =>
  new Problem(412, 'Precondition Failed', {
    detail: 'The case was changed meanwhile: read it again',
    headers: { etag: tagOf(version) },
  });
