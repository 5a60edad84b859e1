import type { FastifyRequest } from 'fastify';
import { identityOf } from '../http/access.ts';
import { Problem } from '../http/problem.ts';
import type { CaseStore } from './store.ts';

/** The owner whose cases a request is about: the sender, or for admins the user they name. */
export function ownerFor(request: FastifyRequest, ownerId: string | undefined): string {
  const { userId, role } = identityOf(request);
  if (ownerId === undefined || ownerId === userId) return userId;
  if (role !== 'admin')
    throw new Problem(403, 'Forbidden', { detail: 'Only admins see the cases of others' });
  return ownerId;
}

/** The owner of a case that a request names: for an admin as recorded, for others the sender. */
export async function ownerOf(
  cases: CaseStore,
  request: FastifyRequest,
  id: string,
): Promise<string | undefined> {
  const { userId, role } = identityOf(request);
  return role === 'admin' ? cases.ownerOf(id) : userId;
}
