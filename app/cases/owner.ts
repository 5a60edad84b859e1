import type { FastifyInstance, FastifyRequest } from 'fastify';
import { identityOf } from '../http/access.ts';
import { Problem } from '../http/problem.ts';
import { emit } from '../telemetry/events.ts';
import { routeOf } from '../telemetry/http-metrics.ts';
import type { CaseStore } from './store.ts';

/** The owner whose cases a request is about: the sender, or for admins the user they name. */
export function ownerFor(request: FastifyRequest, ownerId: string | undefined): string {
  const { userId, role } = identityOf(request);
  if (ownerId === undefined || ownerId === userId) return userId;
  if (role !== 'admin')
    throw new Problem(403, 'Forbidden', { detail: 'Only admins see the cases of others' });
  audit(request, ownerId);
  return ownerId;
}

/** The owner of a case that a request names: for an admin as recorded, for others the sender. */
export async function ownerOf(
  cases: CaseStore,
  request: FastifyRequest,
  id: string,
): Promise<string | undefined> {
  const { userId, role } = identityOf(request);
  if (role !== 'admin') return userId;
  const owner = await cases.ownerOf(id);
  if (owner !== undefined && owner !== userId) audit(request, owner);
  return owner;
}

/**
 * Lets the routes registered from now on write an audit event when an admin uses cases of another user.
 * @param nameOf returns the keyed hash of an account id
 */
export function auditForeignCases(app: FastifyInstance, nameOf: (userId: string) => string): void {
  app.decorate('nameOfUser', nameOf);
}

/** Writes the event before the store is read, so that an answer which fails half-way is audited too. */
function audit(request: FastifyRequest, ownerId: string): void {
  const { nameOfUser } = request.server;
  emit(request.log, 'case_accessed', {
    by: nameOfUser(identityOf(request).userId),
    owner: nameOfUser(ownerId),
    operation: request.routeOptions.config.operation ?? routeOf(request),
  });
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Returns the keyed hash of an account id, for audit events. */
    nameOfUser(userId: string): string;
  }
}
