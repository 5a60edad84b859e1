import type { ControlId } from '../controls/catalogue.ts';
import type { Answer, Request, Target } from './client.ts';

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
  'backends',
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

/** One operation of the API, and the roles that may call it. */
export interface Operation {
  readonly method: string;
  /** Template, for example `/api/v1/cases/{id}`. */
  readonly path: string;
  /** Roles, or `public`. */
  readonly access: 'public' | readonly string[];
  readonly body: boolean;
}

/** The largest quota of a rate-limit policy that the checklist accepts. */
export interface Quota {
  readonly name: string;
  readonly quota: number;
  readonly windowSeconds: number;
}

/** Servers beside the service that can be tried from this machine: those of the local stack. */
export interface Backends {
  readonly redis?: {
    readonly url: string;
    readonly ca: string;
    readonly users: Readonly<Record<string, string>>;
  };
  readonly prometheus?: string | null;
  readonly alertmanager?: string | null;
  readonly grafana?: string | null;
  readonly internal?: readonly string[];
  /** Folder that holds the stack's credentials. */
  readonly state?: string;
}

/** A signed-in user. */
export interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Sends with the user's access token. */
  send(request: Request): Promise<Answer>;
}

/** An answer of the public listener during this run, without its body. */
export interface Recorded {
  /** Method and path of the request. */
  readonly title: string;
  readonly status: number;
  /** Deviations from the checklist's headers. */
  readonly headers: readonly string[];
  /** Deviations from an error that reveals nothing. */
  readonly errors: readonly string[];
}

/** The target and everything that checks may use. */
export interface Context {
  readonly target: Target;
  /** The plain listener, when it was named. */
  readonly plain: Target | null;
  /** The internal listener, when it was named. */
  readonly internal: Target | null;
  readonly profile: Profile;
  readonly readOnly: boolean;
  /** The target is an edge, whose raw 400, 408 and 431 come from its own server and not from the service. */
  readonly behindEdge: boolean;
  /** An origin that the service allows, when it was named. */
  readonly origin: string | null;
  readonly users: readonly User[];
  readonly operations: readonly Operation[];
  readonly quotas: readonly Quota[];
  readonly backends: Backends;
  readonly recorded: readonly Recorded[];
  /** Sends to the target and records the answer. Waits out a 429, unless the request says that the limit is its subject. */
  send(request: Request): Promise<Answer>;
  /** A signed-in user of the role; each signs in once, and out at the end. The second caseworker is `other`. */
  session(who: User['role'] | 'other'): Promise<Session>;
  /** Drops a session that the check ended, so that the next use signs in again. */
  forget(who: 'other'): void;
  /** One more session of the user, which the check ends itself. */
  signIn(user: User): Promise<Session>;
  /** The first user of the role; the second caseworker is `other`. @throws CouldNotCheck without one */
  user(who: User['role'] | 'other'): User;
}

/** The result of a check. The check throws {@link CouldNotCheck} when it has none. */
export interface Outcome {
  readonly ok: boolean;
  /** The observation, without tokens or passwords. */
  readonly observed: string;
}

/** One proof by black box. */
export interface Check {
  /** Unique, `group-subject`; the report names it. */
  readonly id: string;
  readonly group: Group;
  readonly control: ControlId;
  /** The literal expectation. */
  readonly expected: string;
  readonly remedy: string;
  /** Requirements beyond the target; without them the check is reported as skipped. */
  readonly needs?: readonly ('plain' | 'internal' | 'writes' | 'direct' | 'origin' | keyof Backends)[];
  /** It mostly waits for the server's own time-outs, so others run meanwhile. */
  readonly slow?: true;
  run(context: Context): Promise<Outcome>;
}

/** A check with its verdict. */
export interface Result {
  readonly check: Check;
  readonly status: 'pass' | 'fail' | 'error' | 'skipped';
  readonly observed: string;
  readonly milliseconds: number;
}

/** Passes when there is no finding; else names the first six. */
export function verdict(findings: readonly string[], passed: string): Outcome {
  const shown = findings.length > 6 ? [...findings.slice(0, 6), `and ${findings.length - 6} more`] : findings;
  return { ok: findings.length === 0, observed: shown.join('; ') || passed };
}
