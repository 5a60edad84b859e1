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

/** What a caller may set. */
export interface CaseContent {
  readonly title: string;
  readonly description: string;
  readonly status: CaseStatus;
}

/** All keys of one owner share a hash tag, so that a script sees case, index and idempotency record in one slot. */
export const caseKeys = {
  case: (ownerId: string, caseId: string) => `cs:v1:{o:${ownerId}}:case:${caseId}`,
  index: (ownerId: string) => `cs:v1:{o:${ownerId}}:cases`,
  operation: (ownerId: string, operationId: string) => `cs:v1:{o:${ownerId}}:op:${operationId}`,
  syncLock: (ownerId: string) => `cs:v1:{o:${ownerId}}:sync-lock`,
  /** Who owns a case, for admins. */
  owner: (caseId: string) => `cs:v1:{case:${caseId}}`,
} as const;

/** What binds sealed text to its case. */
export const placeOf = (ownerId: string, caseId: string): string => `${ownerId}/${caseId}`;
