import type { CaseStatus } from '../cases/case.ts';
import type { CaseStore, Lock, Once, WriteOutcome } from '../cases/store.ts';

/** Seconds for which an operation that arrives again is recognised: longer than a client is expected to be offline. */
const rememberedSeconds = 7 * 86_400;

/** One thing a client did while it was offline. */
export type Operation = {
  /** The client's own id of the operation; sent again, it is not applied again. */
  readonly operationId: string;
  readonly caseId: string;
  readonly queuedAt?: string;
} & (
  | {
      readonly kind: 'create';
      readonly title: string;
      readonly description?: string;
      readonly status?: CaseStatus;
    }
  | {
      readonly kind: 'update';
      readonly version: number;
      readonly title?: string;
      readonly description?: string;
      readonly status?: CaseStatus;
    }
  | { readonly kind: 'delete'; readonly version: number }
);

/** What became of it. `rejected`: the case does not exist (any more), so it can never be applied. */
export interface Result {
  readonly operationId: string;
  readonly result: 'applied' | 'duplicate' | 'conflict' | 'rejected';
  /** The case's version now; what a conflict has to be resolved against. */
  readonly version: number | null;
}

/**
 * Applies one operation of a user: its effect and the record that it was applied are one call, which does nothing unless
 * the user's lock is still held, and then holds it anew.
 * @returns `superseded` when the lock was lost, to another synchronisation or for time
 */
export async function applyOperation(
  cases: CaseStore,
  ownerId: string,
  operation: Operation,
  lock: Lock,
): Promise<Result | 'superseded'> {
  const once = { operationId: operation.operationId, seconds: rememberedSeconds, lock };
  const outcome = await write(cases, ownerId, operation, once);
  if (outcome.outcome === 'superseded') return 'superseded';
  return {
    operationId: operation.operationId,
    result: outcome.outcome === 'missing' ? 'rejected' : outcome.outcome,
    version: outcome.outcome === 'missing' ? null : outcome.version,
  };
}

async function write(
  cases: CaseStore,
  ownerId: string,
  operation: Operation,
  once: Once,
): Promise<WriteOutcome> {
  switch (operation.kind) {
    case 'create': {
      const { caseId, title, description = '', status = 'open' } = operation;
      return cases.create(ownerId, { title, description, status }, caseId, once);
    }
    case 'update': {
      const { caseId, version, title, description, status } = operation;
      const applied = await cases.appliedBefore(ownerId, once.operationId);
      if (applied !== undefined) return { outcome: 'duplicate', version: applied };
      const current = await cases.find(ownerId, caseId);
      if (current === undefined) return { outcome: 'missing' };
      const change = {
        ...(title === undefined ? {} : { title }),
        ...(description === undefined ? {} : { description }),
        ...(status === undefined ? {} : { status }),
      };
      return cases.update(current, change, version, once);
    }
    case 'delete':
      return cases.delete(ownerId, operation.caseId, operation.version, once);
  }
}
