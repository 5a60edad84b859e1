import type { Session, Target } from './client.ts';

/** What a black-box check is, and what it can find. Types only. */

/** Groups of checks, as `--only` names them. */
export const groups = [
  'headers',
  'tls',
  'auth',
  'rbac',
  'limiter',
  'origins',
  'leakage',
  'exposure',
] as const;
export type Group = (typeof groups)[number];

/** `house` expects the checklist's X-XSS-Protection, `owasp` expects 0; all else is the same. */
export type Profile = 'house' | 'owasp';

/** A user of the file that `--users` names. */
export interface User {
  readonly email: string;
  readonly password: string;
  readonly role: 'reader' | 'caseworker' | 'admin';
}

/** One operation of the OpenAPI file: who may call it. */
export interface Operation {
  readonly method: string;
  /** Template, for example `/api/v1/cases/{id}`. */
  readonly path: string;
  /** Roles, or `public`. */
  readonly access: 'public' | readonly string[];
  readonly body: boolean;
}

/** What checks work with. */
export interface Context {
  readonly target: Target;
  /** The plain listener, when it was named. */
  readonly plain: Target | null;
  /** The internal listener, when it was named. */
  readonly internal: Target | null;
  readonly profile: Profile;
  readonly readOnly: boolean;
  /** The target is an edge of its own, whose raw 400, 408 and 431 come from its server and not from the service. */
  readonly behindEdge: boolean;
  readonly users: readonly User[];
  readonly operations: readonly Operation[];
  /** A signed-in user of the role; each signs in once, and out at the end. The second caseworker is `other`. */
  session(who: User['role'] | 'other'): Promise<Session>;
}

/** What a check found. It throws {@link CouldNotCheck} when it found nothing out. */
export interface Outcome {
  readonly ok: boolean;
  /** What was seen, without tokens or passwords. */
  readonly observed: string;
}

/** The check could not run: never a pass. */
export class CouldNotCheck extends Error {}

/** One line of the report. */
export interface Check {
  /** Unique, `group-what`; the catalogue names it. */
  readonly id: string;
  readonly group: Group;
  readonly expected: string;
  readonly remedy: string;
  /** References, as in the catalogue: `ASVS 3.4.1`, `API4`, … */
  readonly references: readonly string[];
  /** What it needs beyond the target; without it the check is skipped, and said so. */
  readonly needs?: readonly ('plain' | 'internal' | 'writes' | 'direct')[];
  run(context: Context): Promise<Outcome>;
}

/** A check with its verdict. */
export interface Result {
  readonly check: Check;
  readonly status: 'pass' | 'fail' | 'error' | 'skipped';
  readonly observed: string;
  readonly milliseconds: number;
}
