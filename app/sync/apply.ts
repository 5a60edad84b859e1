import type { CaseStatus, Lock, Once, WriteOutcome } from '../cases/case.ts';
import type { CaseStore } from '../cases/store.ts';

/** Seconds for which an operation that arrives again is recognised: longer than a client is expected to be offline. */
const rememberedSeconds = 7 * 86_400;

/** One thing a client did while it was offline. */
export type Operation = {
  /** The client's own id of the operation; sent again, it is not applied again. */
  readonly operationId: string;
  readonly caseId: string;
  /** When the client did it, Unix milliseconds. */
  readonly queuedAt?: number | undefined;
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

/** The result of an operation. `rejected`: the case does not exist (any more), so it can never be applied. */
export interface Result {
  readonly operationId: string;
  readonly result: 'applied' | 'duplicate' | 'conflict' | 'rejected';
  /** The case's version now; what a conflict has to be resolved against. */
  readonly version: number | null;
}

/** The outcome of a write after which no other is tried: the lock was lost, or the owner has no room. */
export type EndOfBatch =
  | { readonly outcome: 'superseded' }
  | Extract<WriteOutcome, { outcome: 'over_quota' }>;

/**
 * Applies one operation of a user: its effect and the record that it was applied are one call, which does nothing unless
 * the user's lock is still held, and then holds it anew.
 * @returns the outcome of a write that ends the batch: the lock was lost, or the owner has no room
 */
export async function applyOperation(
  cases: CaseStore,
  ownerId: string,
  operation: Operation,
  lock: Lock,
): Promise<Result | EndOfBatch> {
  const once = { operationId: operation.operationId, seconds: rememberedSeconds, lock };
  const outcome = await write(cases, ownerId, operation, once);
  if (outcome.outcome === 'superseded') return { outcome: 'superseded' };
  if (outcome.outcome === 'over_quota') return outcome;
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
      return cases.update(current, change, { version }, once);
    }
    case 'delete':
      return cases.delete(ownerId, operation.caseId, { version: operation.version }, once);
  }
}
