import type { Place } from './crypto.ts';

export const caseStatuses = ['open', 'in_progress', 'closed'] as const;
/** A member of {@link caseStatuses}. */
export type CaseStatus = (typeof caseStatuses)[number];

/** A case, as the API shows it. */
export interface Case {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly status: CaseStatus;
  /** Counts the changes; the entity tag. */
  readonly version: number;
  readonly ownerId: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A stored case. `life` is random and tells it from an earlier case of the same id. */
export interface StoredCase extends Case {
  readonly life: string;
}

/** The fields that a caller may set. */
export interface CaseContent {
  readonly title: string;
  readonly description: string;
  readonly status: CaseStatus;
}

/**
 * The outcome of a change. `duplicate`: the operation was applied before. `superseded`: its lock was lost. `over_quota`:
 * the owner has no room for it.
 */
export type WriteOutcome =
  | { readonly outcome: 'applied' | 'duplicate' | 'conflict'; readonly version: number }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'superseded' }
  | { readonly outcome: 'over_quota'; readonly quota: 'cases' | 'bytes'; readonly used: number };

/** A page of cases, newest first. */
export interface Page {
  readonly items: readonly Case[];
  /** Ids of stored cases that could not be opened and are left out. */
  readonly unreadable: readonly string[];
  /** Where the next page starts; `null` after the last one. */
  readonly next: string | null;
}

/** One reading of many cases: when to stop, and how long it took this process. */
export interface Scan {
  readonly signal?: AbortSignal | undefined;
  workMs: number;
}

/** The state of a case that a change is based on. */
export interface Expected {
  readonly version: number;
  /** Absent where the client named the version alone. */
  readonly life?: string | undefined;
}

/** An operation that may arrive twice, and for how many seconds that is noticed. */
export interface Once {
  readonly operationId: string;
  readonly seconds: number;
  /** Without it still held nothing is written. */
  readonly lock?: Lock;
}

/** A holder of the owner's synchronisation lock, and for how many seconds each write renews it. */
export interface Lock {
  readonly token: string;
  readonly seconds: number;
}

/** All keys of one owner share a hash tag, so that a script sees all of them in one slot. */
export const caseKeys = {
  case: (ownerId: string, caseId: string) => `cs:v1:{o:${ownerId}}:case:${caseId}`,
  index: (ownerId: string) => `cs:v1:{o:${ownerId}}:cases`,
  /** Bytes that the owner's cases take. */
  use: (ownerId: string) => `cs:v1:{o:${ownerId}}:use`,
  operation: (ownerId: string, operationId: string) => `cs:v1:{o:${ownerId}}:op:${operationId}`,
  /** The remembered operations by time, which bounds their number. */
  operations: (ownerId: string) => `cs:v1:{o:${ownerId}}:ops`,
  syncLock: (ownerId: string) => `cs:v1:{o:${ownerId}}:sync-lock`,
  /** The owner of a case, for admins. */
  owner: (caseId: string) => `cs:v1:{case:${caseId}}`,
} as const;

/** The fields of a stored case that its sealed text is bound to. */
export type BoundFields = Readonly<
  Record<'status' | 'version' | 'createdAt' | 'updatedAt' | 'life', string | undefined>
>;

/** Binds sealed text to its case: to the id, and to the fields beside it, which nobody may change without the key. */
export const placeOf = (ownerId: string, caseId: string, fields: BoundFields): Place => {
  const { status, version, createdAt, updatedAt, life = '' } = fields;
  const id = `${ownerId}/${caseId}`;
  return { s1: id, s2: JSON.stringify([id, status, version, createdAt, updatedAt, life]) };
};
